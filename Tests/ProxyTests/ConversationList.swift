import BowlineJournal

extension Conversation {
  static let all = framing + heads + trailers + interim + lifetimes

  private static let ok = "HTTP/1.1 200 OK\r\nDate: D\r\nContent-Length: 2\r\n\r\nok"
  private static let get = "GET / HTTP/1.1\r\nHost: h\r\n\r\n"

  /// A GET that is answered: shows that the connection before it was in order.
  private static let another: [Step] = [
    .client(get), .origin(onward("GET /")), .answer(ok),
    .sees(back("200 OK", "Date: D\r\n", "Content-Length: 2\r\n") + "ok"),
  ]

  // MARK: Framing

  static let framing = requestFraming + responseFraming

  private static let requestFraming = [
    Conversation("GET", another),
    Conversation("two GETs on one connection", ends: [.complete, .complete], another + another),
    Conversation(
      "POST without framing has no body, and a GET behind it", ends: [.complete, .complete],
      [
        .client("POST / HTTP/1.1\r\nHost: h\r\n\r\n\(get)"), .origin(onward("POST /")),
        .answer(ok), .sees(back("200 OK", "Date: D\r\n", "Content-Length: 2\r\n") + "ok"),
        .origin(onward("GET /")), .answer(ok),
        .sees(back("200 OK", "Date: D\r\n", "Content-Length: 2\r\n") + "ok"),
      ]),
    Conversation(
      "POST of length 0",
      [
        .client("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n"),
        .origin(onward("POST /", via: "1.1", "Content-Length: 0\r\n")),
      ] + answered),
    Conversation(
      "POST of length 3, and a GET behind it", ends: [.complete, .complete],
      [
        .client("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc\(get)"),
        .origin(onward("POST /", via: "1.1", "Content-Length: 3\r\n") + "abc"),
      ] + answered + [.origin(onward("GET /"))] + answered),
    Conversation(
      "GET with a body, and a GET behind it", ends: [.complete, .complete],
      [
        .client("GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello\(get)"),
        .origin(onward("GET /", via: "1.1", "Content-Length: 5\r\n") + "hello"),
      ] + answered + [.origin(onward("GET /"))] + answered),
    Conversation(
      "PUT chunked, its extension left here",
      [
        .client(
          "PUT /f HTTP/1.1\r\nTransfer-Encoding: CHUNKED\r\nHost: h\r\n\r\n"
            + "5;a=b\r\nhello\r\n6\r\n world\r\n000\r\n\r\n"),
        .origin(onward("PUT /f", via: "1.1", "Transfer-Encoding: chunked\r\n")),
        .originChunks("hello world", trailers: ""),
      ] + answered),
    Conversation(
      "an unknown method with a body",
      [
        .client("FOO /x HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi"),
        .origin(onward("FOO /x", via: "1.1", "Content-Length: 2\r\n") + "hi"),
      ] + answered),
    Conversation(
      "a 1.0 client without Host", keepsClient: false,
      [
        .client("GET /old HTTP/1.0\r\n\r\n"),
        .origin(onward("GET /old", host: "origin", via: "1.0")),
        .answer(ok),
        .sees(
          back("200 OK", "Date: D\r\n", "Content-Length: 2\r\nConnection: close\r\n") + "ok"),
        .clientSeesEnd,
      ]),
  ]

  private static let answered: [Step] = [
    .answer(ok), .sees(back("200 OK", "Date: D\r\n", "Content-Length: 2\r\n") + "ok"),
  ]

  /// A GET, the origin's answer, what the client sees of it; and a GET after it.
  private static func answer(
    _ name: String, to line: String = "GET /", _ answer: String, _ sees: String
  ) -> Conversation {
    Conversation(
      name, ends: [.complete, .complete],
      [
        .client("\(line) HTTP/1.1\r\nHost: h\r\n\r\n"), .origin(onward(line)), .answer(answer),
        .sees(sees),
      ] + another)
  }

  private static let responseFraming = [
    answer(
      "HEAD with a length", to: "HEAD /",
      "HTTP/1.1 200 OK\r\nDate: D\r\nContent-Length: 100\r\n\r\n",
      back("200 OK", "Date: D\r\n", "Content-Length: 100\r\n")),
    answer(
      "HEAD chunked", to: "HEAD /",
      "HTTP/1.1 200 OK\r\nDate: D\r\nTransfer-Encoding: chunked\r\n\r\n", back("200 OK")),
    answer("204", "HTTP/1.1 204 No Content\r\nDate: D\r\n\r\n", back("204 No Content")),
    answer(
      "304 with the length of the other",
      "HTTP/1.1 304 Not Modified\r\nDate: D\r\nContent-Length: 7\r\nETag: \"x\"\r\n\r\n",
      back("304 Not Modified", "Date: D\r\nETag: \"x\"\r\n", "Content-Length: 7\r\n")),
    answer(
      "205", "HTTP/1.1 205 Reset Content\r\nDate: D\r\nContent-Length: 0\r\n\r\n",
      back("205 Reset Content", "Date: D\r\n", "Content-Length: 0\r\n")),
    answer(
      "length 0, no reason, an unknown status",
      "HTTP/1.1 299 \r\nDate: D\r\nContent-Length: 0\r\n\r\n",
      back("299 ", "Date: D\r\n", "Content-Length: 0\r\n")),
    Conversation(
      "a chunked response", ends: [.complete, .complete],
      [
        .client(get), .origin(onward("GET /")),
        .answer(
          "HTTP/1.1 200 OK\r\nDate: D\r\nTransfer-Encoding: chunked\r\n\r\n"
            + "3;x=y\r\nabc\r\n0a\r\n0123456789\r\n0\r\n\r\n"),
        .sees(back("200 OK", "Date: D\r\n", "Transfer-Encoding: chunked\r\n")),
        .seesChunks("abc0123456789", trailers: ""),
      ] + another),
    Conversation(
      "a chunked response for a 1.0 client", keepsClient: false,
      [
        .client("GET / HTTP/1.0\r\nHost: h\r\n\r\n"), .origin(onward("GET /", via: "1.0")),
        .answer(
          "HTTP/1.1 200 OK\r\nDate: D\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n"
            + "3\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n"),
        .sees(back("200 OK", "Date: D\r\n", "Connection: close\r\n") + "abc"), .clientSeesEnd,
      ]),
    Conversation(
      "close-delimited, 1.1", keepsOrigin: false,
      [
        .client(get), .origin(onward("GET /")),
        .answer("HTTP/1.1 200 OK\r\nDate: D\r\n\r\nto the end"), .originEnds,
        .sees(back("200 OK", "Date: D\r\n", "Transfer-Encoding: chunked\r\n")),
        .seesChunks("to the end", trailers: ""), .originSeesEnd,
      ]),
    Conversation(
      "close-delimited, 1.0, and another GET", ends: [.complete, .complete],
      [
        .client(get), .origin(onward("GET /")),
        .answer("HTTP/1.0 200 OK\r\nDate: D\r\n\r\nto the end"), .originEnds,
        .sees(back("200 OK", "Date: D\r\n", via: "1.0", "Transfer-Encoding: chunked\r\n")),
        .seesChunks("to the end", trailers: ""), .originSeesEnd, .newOriginConnection,
      ] + another),
    Conversation(
      "close-delimited for a 1.0 client", keepsClient: false, keepsOrigin: false,
      [
        .client("GET / HTTP/1.0\r\nHost: h\r\n\r\n"), .origin(onward("GET /", via: "1.0")),
        .answer("HTTP/1.0 200 OK\r\nDate: D\r\n\r\nto the end"), .originEnds,
        .sees(back("200 OK", "Date: D\r\n", via: "1.0", "Connection: close\r\n") + "to the end"),
        .clientSeesEnd, .originSeesEnd,
      ]),
    Conversation(
      "a 1.0 response with a length ends the origin's connection", keepsOrigin: false,
      [
        .client(get), .origin(onward("GET /")),
        .answer("HTTP/1.0 200 OK\r\nDate: D\r\nContent-Length: 2\r\n\r\nok"),
        .sees(back("200 OK", "Date: D\r\n", via: "1.0", "Content-Length: 2\r\n") + "ok"),
        .originSeesEnd,
      ]),
    Conversation(
      "a 1.0 response that keeps the origin's connection", ends: [.complete, .complete],
      [
        .client(get), .origin(onward("GET /")),
        .answer(
          "HTTP/1.0 200 OK\r\nDate: D\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok"),
        .sees(back("200 OK", "Date: D\r\n", via: "1.0", "Content-Length: 2\r\n") + "ok"),
      ] + another),
  ]

  // MARK: Heads

  private static func head(
    _ name: String, _ request: String, onward: String, answer: String = ok,
    _ sees: String = back("200 OK", "Date: D\r\n", "Content-Length: 2\r\n") + "ok"
  ) -> Conversation {
    Conversation(
      name, [.client(request), .origin(onward), .answer(answer), .sees(sees)])
  }

  static let heads = requestHeads + responseHeads

  private static let requestHeads = [
    head(
      "the target byte for byte", "GET /a/../b;%7e//?x=%2F&y[]={} HTTP/1.1\r\nHost: H:80\r\n\r\n",
      onward: onward("GET /a/../b;%7e//?x=%2F&y[]={}", host: "H:80")),
    head(
      "an absolute target instead of Host",
      "GET http://a.example:81/p?q HTTP/1.1\r\nX: 1\r\nHost: b\r\n\r\n",
      onward: onward("GET /p?q", host: "a.example:81", "X: 1\r\n")),
    head(
      "an absolute target without a path", "GET http://a?q HTTP/1.1\r\nHost: b\r\n\r\n",
      onward: onward("GET /?q", host: "a")),
    head(
      "OPTIONS of a whole server", "OPTIONS http://h:8001 HTTP/1.1\r\nHost: x\r\n\r\n",
      onward: onward("OPTIONS *", host: "h:8001")),
    head(
      "OPTIONS in asterisk-form", "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n",
      onward: onward("OPTIONS *")),
    head(
      "a higher minor version", "GET / HTTP/1.9\r\nHost: h\r\n\r\n",
      onward: onward("GET /")),
    head(
      "Host first, lines in order, unknown ones, obs-text",
      "GET / HTTP/1.1\r\nA: 1\r\nX-Unknown:  \t\u{c0}\u{8a}\u{ff}\u{e9} \r\na: 2\r\nHost: h\r\n"
        + "Cookie: a=b\r\nCookie: c=d\r\nCache-Control: odd=1\r\nE:\r\n\r\n",
      onward: onward(
        "GET /",
        "A: 1\r\nX-Unknown: \u{c0}\u{8a}\u{ff}\u{e9}\r\na: 2\r\nCookie: a=b\r\nCookie: c=d\r\n"
          + "Cache-Control: odd=1\r\nE: \r\n")),
    head(
      "hop-by-hop fields, named or not",
      "GET / HTTP/1.1\r\nHost: h\r\nConnection: X-Hop, Keep-Alive, blue-moon\r\nX-Hop: 1\r\n"
        + "x-hop: 2\r\nKeep-Alive: timeout=1\r\nProxy-Connection: close\r\nTE: gzip\r\n"
        + "Upgrade: websocket\r\n"
        + "HTTP2-Settings: x\r\nProxy-Authorization: Basic x\r\nX-Hopper: 3\r\n"
        + "connection: ,,other,\r\nOther: 4\r\n\r\n",
      onward: onward("GET /", "X-Hopper: 3\r\n")),
    Conversation(
      "a 1.0 client's Connection is obeyed, and taken off",
      [
        .client(
          "GET / HTTP/1.0\r\nHost: h\r\nConnection: keep-alive, X-Hop\r\nX-Hop: 1\r\n\r\n"),
        .origin(onward("GET /", via: "1.0")), .answer(ok),
        .sees(
          back("200 OK", "Date: D\r\n", "Content-Length: 2\r\nConnection: keep-alive\r\n") + "ok"),
      ]),
    head(
      "leaked connection fields are no one's",
      "GET / HTTP/1.1\r\nHost: h\r\nKeep-Alive: timeout=1\r\nUpgrade: websocket\r\n"
        + "Close: 1\r\n\r\n",
      onward: onward("GET /", "Close: 1\r\n")),
    head(
      "an upgrade to HTTP/2 is not taken part in",
      "GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
        + "HTTP2-Settings: AAMAAABk\r\nX: 13\r\n\r\n",
      onward: onward("GET /", "X: 13\r\n")),
    head(
      "an upgrade that is not named in Connection is nobody's",
      "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nX: 13\r\n\r\n",
      onward: onward("GET /", "X: 13\r\n")),
    head(
      "a client cannot have framing, Host or Via taken away",
      "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n"
        + "Connection: Content-Length, Host, Via, Transfer-Encoding\r\n\r\nhi",
      onward: onward("POST /", via: "1.1", "Content-Length: 2\r\n") + "hi"),
    head(
      "Via is appended behind those before",
      "GET / HTTP/1.1\r\nHost: h\r\nVia: 1.0 first, 1.1 second\r\nVia: 1.1 third\r\nZ: 1\r\n\r\n",
      onward: onward(
        "GET /", "Via: 1.0 first, 1.1 second\r\nVia: 1.1 third\r\nZ: 1\r\n")),
    head(
      "claims of an untrusted client",
      "GET / HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 9.9.9.9\r\nx-forwarded-for: 8.8.8.8\r\n"
        + "Forwarded: for=1.2.3.4\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: evil\r\n"
        + "X-Forwarded-Port: 1\r\n\r\n",
      onward: onward("GET /", "X-Forwarded-Port: 1\r\n")),
  ]

  private static let responseHeads = [
    head(
      "hop-by-hop fields of a response", get, onward: onward("GET /"),
      answer: "HTTP/1.1 200 Fine\r\nX-Hop: 1\r\nConnection: x-hop\r\nKeep-Alive: timeout=5\r\n"
        + "Proxy-Connection: keep-alive\r\nUpgrade: h2c\r\nTE: x\r\nDate: D\r\n"
        + "Proxy-Authenticate: Basic\r\nContent-Length: 2\r\nB: 2\r\n\r\nok",
      back("200 Fine", "Date: D\r\nB: 2\r\n", "Content-Length: 2\r\n") + "ok"),
    head(
      "Set-Cookie lines, order, obs-text, Via of a response", get, onward: onward("GET /"),
      answer: "HTTP/1.1 200 N\u{e9}\r\nSet-Cookie: a=1\r\nDate: D\r\nSet-Cookie: b=2; Path=/\r\n"
        + "Server: x\r\nETag: \"e\"\r\nX: \u{ff}\u{80}\r\nVia: 1.0 far\r\nContent-Length: 2\r\n"
        + "Cache-Control: private, odd\r\n\r\nok",
      back(
        "200 N\u{e9}",
        "Set-Cookie: a=1\r\nDate: D\r\nSet-Cookie: b=2; Path=/\r\nServer: x\r\nETag: \"e\"\r\n"
          + "X: \u{ff}\u{80}\r\nVia: 1.0 far\r\nCache-Control: private, odd\r\n",
        "Content-Length: 2\r\n") + "ok"),
    head(
      "space before the colon of a response is removed", get, onward: onward("GET /"),
      answer: "HTTP/1.1 200 OK\r\nDate: D\r\nX-A : 1\r\nContent-Length: 2\r\n\r\nok",
      back("200 OK", "Date: D\r\nX-A: 1\r\n", "Content-Length: 2\r\n") + "ok"),
  ]

  // MARK: Trailers

  static let trailers = [
    Conversation(
      "request trailers go on, but not all",
      [
        .client(
          "PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n"
            + "Connection: X-Hop\r\n\r\n2\r\nhi\r\n0\r\nX-Sum: 1\r\nX-Hop: 2\r\nHost: evil\r\n"
            + "Content-Length: 9\r\nAuthorization: no\r\n\r\n"),
        .origin(
          onward("PUT /", "Trailer: X-Sum\r\n", via: "1.1", "Transfer-Encoding: chunked\r\n")),
        .originChunks("hi", trailers: "X-Sum: 1\r\n"),
      ] + answered),
    Conversation(
      "response trailers for a client that asked",
      [
        .client(
          "GET / HTTP/1.1\r\nHost: h\r\nTE: gzip; q = 0.5 , trailers\r\nConnection: TE\r\n\r\n"),
        .origin(onward("GET /", asks: true, "Connection: TE\r\n")), .answer(trailing),
        .sees(
          back("200 OK", "Date: D\r\nTrailer: X-Sum\r\n", "Transfer-Encoding: chunked\r\n")),
        .seesChunks("ok", trailers: "X-Sum: 1\r\n"),
      ]),
    Conversation(
      "no response trailers for a client that did not ask",
      [
        .client(get), .origin(onward("GET /")), .answer(trailing),
        .sees(back("200 OK", "Date: D\r\n", "Transfer-Encoding: chunked\r\n")),
        .seesChunks("ok", trailers: ""),
      ]),
  ]

  private static let trailing =
    "HTTP/1.1 200 OK\r\nDate: D\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n"
    + "Connection: X-Hop\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 1\r\nX-Hop: 2\r\n\r\n"

  // MARK: 1xx and Expect

  private static let expecting =
    "POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-Continue\r\nContent-Length: 2\r\n\r\n"
  private static let expectingOnward = Step.origin(
    onward("POST /", "Expect: 100-Continue\r\n", via: "1.1", "Content-Length: 2\r\n"))

  static let interim = [
    Conversation(
      "Expect goes on before the body, and 100 comes back",
      [
        .client(expecting), expectingOnward, .answer("HTTP/1.1 100 Continue\r\n\r\n"),
        .sees(back("100 Continue", "")), .client("hi"), .origin("hi"),
      ] + answered),
    Conversation(
      "417 instead of 100", ends: [.clientClosedBody], keepsClient: false, keepsOrigin: false,
      [
        .client(expecting), expectingOnward,
        .answer("HTTP/1.1 417 No\r\nDate: D\r\nContent-Length: 0\r\n\r\n"),
        .sees(back("417 No", "Date: D\r\n", "Content-Length: 0\r\nConnection: close\r\n")),
        .clientEnds, .clientSeesEnd,
      ]),
    Conversation(
      "401 instead of 100, and the body all the same", keepsClient: false,
      [
        .client(expecting), expectingOnward,
        .answer("HTTP/1.1 401 No\r\nDate: D\r\nContent-Length: 0\r\n\r\n"),
        .sees(back("401 No", "Date: D\r\n", "Content-Length: 0\r\nConnection: close\r\n")),
        .client("hi"), .origin("hi"), .clientSeesEnd,
      ]),
    Conversation(
      "Expect of a 1.0 client is ignored", keepsClient: false,
      [
        .client(
          "POST / HTTP/1.0\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nhi"),
        .origin(onward("POST /", via: "1.0", "Content-Length: 2\r\n") + "hi"),
        .answer("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nLink: x\r\n\r\n\(ok)"),
        .sees(back("200 OK", "Date: D\r\n", "Content-Length: 2\r\nConnection: close\r\n") + "ok"),
        .clientSeesEnd,
      ]),
    Conversation(
      "103, 102 and 199 go on",
      [
        .client(get), .origin(onward("GET /")),
        .answer(
          "HTTP/1.1 103 Hints\r\nLink: </a>\r\nContent-Length: 5\r\nConnection: x\r\nX: 1\r\n\r\n"
            + "HTTP/1.1 102 P\r\n\r\nHTTP/1.1 199 Q\r\n\r\n\(ok)"),
        .sees(
          back("103 Hints", "Link: </a>\r\n") + back("102 P", "") + back("199 Q", "")
            + back("200 OK", "Date: D\r\n", "Content-Length: 2\r\n") + "ok"),
      ]),
  ]

  // MARK: Connections

  private static let askingOld = "GET / HTTP/1.0\r\nHost: h\r\nConnection: keep-alive\r\n\r\n"
  private static let keptOld: [Step] = [
    .client(askingOld), .origin(onward("GET /", via: "1.0")), .answer(ok),
    .sees(back("200 OK", "Date: D\r\n", "Content-Length: 2\r\nConnection: keep-alive\r\n") + "ok"),
  ]

  static let lifetimes = [
    Conversation(
      "a 1.0 client that asks is kept", ends: [.complete, .complete], keptOld + keptOld),
    Conversation(
      "a 1.0 client that asks is not kept without a length", keepsClient: false,
      [
        .client(askingOld), .origin(onward("GET /", via: "1.0")),
        .answer(
          "HTTP/1.1 200 OK\r\nDate: D\r\nTransfer-Encoding: chunked\r\n\r\n"
            + "3\r\nabc\r\n0\r\n\r\n"),
        .sees(back("200 OK", "Date: D\r\n", "Connection: close\r\n") + "abc"), .clientSeesEnd,
      ]),
    Conversation(
      "keep-alive is no news from a 1.1 client", ends: [.complete, .complete],
      [.client("GET / HTTP/1.1\r\nHost: h\r\nConnection: keep-alive\r\n\r\n")]
        + another.dropFirst() + another),
    Conversation(
      "the client's close stays here", keepsClient: false,
      [
        .client("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"), .origin(onward("GET /")),
        .answer(ok),
        .sees(back("200 OK", "Date: D\r\n", "Content-Length: 2\r\nConnection: close\r\n") + "ok"),
        .clientSeesEnd,
      ]),
    Conversation(
      "the origin's close stays here", ends: [.complete, .complete],
      [
        .client(get), .origin(onward("GET /")),
        .answer(
          "HTTP/1.1 200 OK\r\nDate: D\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"),
        .sees(back("200 OK", "Date: D\r\n", "Content-Length: 2\r\n") + "ok"), .originSeesEnd,
        .newOriginConnection,
      ] + another),
    Conversation(
      "a client that has ended its side still gets its answer", keepsClient: false,
      [.client(get), .clientEnds, .origin(onward("GET /"))] + answered + [.clientSeesEnd]),
    Conversation(
      "a Date is added where there is none",
      [
        .client(get), .origin(onward("GET /")),
        .answer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
        .seesDate,
      ]),
    Conversation(
      "pipelined requests are answered in order", ends: [.complete, .complete, .complete],
      [
        .client(get + "HEAD /h HTTP/1.1\r\nHost: h\r\n\r\n" + get), .origin(onward("GET /")),
        .answer(ok), .origin(onward("HEAD /h")),
        .answer("HTTP/1.1 200 OK\r\nDate: D\r\nContent-Length: 9\r\n\r\n"),
        .origin(onward("GET /")), .answer(ok),
        .sees(
          back("200 OK", "Date: D\r\n", "Content-Length: 2\r\n") + "ok"
            + back("200 OK", "Date: D\r\n", "Content-Length: 9\r\n")
            + back("200 OK", "Date: D\r\n", "Content-Length: 2\r\n") + "ok"),
      ]),
    Conversation(
      "nothing behind a close is answered", keepsClient: false,
      [
        .client("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n" + get),
        .origin(onward("GET /")), .answer(ok),
        .sees(back("200 OK", "Date: D\r\n", "Content-Length: 2\r\nConnection: close\r\n") + "ok"),
        .clientSeesGone,
      ]),
  ]
}
