@main struct Bowline { static func main() {} }
