internal import BowlineTransport
internal import Glibc

@main
struct Bowline {
  static func main() {
    let words = Array(CommandLine.arguments.dropFirst())
    switch Invocation(words, isTerminal: OutputStream.standardOutput.isTerminal) {
    case .proxy(let options): exit(Composition.proxy(options))
    case .serve(let options): exit(Composition.serve(options))
    case .demo(let options): exit(Composition.demo(options))
    case .answer(let answer):
      OutputStream.standardOutput.write(answer.output)
      OutputStream.standardError.write(answer.talk)
      exit(answer.status)
    }
  }
}
