internal import BowlineTransport
internal import Glibc

@main
struct Bowline {
  static func main() {
    let words = Array(CommandLine.arguments.dropFirst())
    switch Invocation(words, isTerminal: StandardStream.output.isTerminal) {
    case .proxy(let options): exit(Composition.proxy(options))
    case .serve(let options): exit(Composition.serve(options))
    case .demo(let options): exit(Composition.demo(options))
    case .answer(let answer):
      try? StandardStream.output.write(answer.output)
      try? StandardStream.error.write(answer.talk)
      exit(answer.status)
    }
  }
}
