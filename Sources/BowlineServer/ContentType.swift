import BowlineCore

/// Media types by the file name's ending.
enum ContentType {
  /// The type of the file called `name`; `application/octet-stream` when its ending says nothing.
  static func of(_ name: borrowing ByteBuffer) -> StaticString {
    let path = name.span
    var dot = path.count
    while dot > 0, path[dot - 1] != 0x2e, path[dot - 1] != 0x2f { dot -= 1 }
    guard dot > 0, path[dot - 1] == 0x2e else { return "application/octet-stream" }
    let ending = path.extracting(dot..<path.count)
    for (name, type) in types where Scan.equalIgnoringCase(ending, name) { return type }
    return "application/octet-stream"
  }

  // The usual ones of a web page first. Endings that mean several things are left out: .ts is a
  // script's source or a film. Text is taken for UTF-8, which has ASCII in it.
  private static let types: [(StaticString, StaticString)] = [
    ("html", "text/html; charset=utf-8"), ("htm", "text/html; charset=utf-8"),
    ("css", "text/css; charset=utf-8"), ("js", "text/javascript; charset=utf-8"),
    ("mjs", "text/javascript; charset=utf-8"), ("cjs", "text/javascript; charset=utf-8"),
    ("json", "application/json"), ("map", "application/json"), ("svg", "image/svg+xml"),
    ("png", "image/png"), ("jpg", "image/jpeg"), ("jpeg", "image/jpeg"), ("gif", "image/gif"),
    ("webp", "image/webp"), ("avif", "image/avif"), ("ico", "image/vnd.microsoft.icon"),
    ("bmp", "image/bmp"), ("tif", "image/tiff"), ("tiff", "image/tiff"),
    ("wasm", "application/wasm"), ("webmanifest", "application/manifest+json"),
    ("woff2", "font/woff2"), ("woff", "font/woff"), ("ttf", "font/ttf"), ("otf", "font/otf"),
    ("txt", "text/plain; charset=utf-8"), ("log", "text/plain; charset=utf-8"),
    ("md", "text/markdown; charset=utf-8"), ("csv", "text/csv; charset=utf-8"),
    ("tsv", "text/tab-separated-values; charset=utf-8"), ("vtt", "text/vtt; charset=utf-8"),
    ("ics", "text/calendar; charset=utf-8"), ("vcf", "text/vcard; charset=utf-8"),
    ("xml", "application/xml"), ("xhtml", "application/xhtml+xml"),
    ("atom", "application/atom+xml"), ("rss", "application/rss+xml"),
    ("yaml", "application/yaml"), ("yml", "application/yaml"), ("toml", "application/toml"),
    ("jsonld", "application/ld+json"), ("pdf", "application/pdf"), ("rtf", "application/rtf"),
    ("epub", "application/epub+zip"), ("mp4", "video/mp4"), ("m4v", "video/mp4"),
    ("webm", "video/webm"), ("ogv", "video/ogg"), ("mov", "video/quicktime"),
    ("m3u8", "application/vnd.apple.mpegurl"), ("mp3", "audio/mpeg"), ("m4a", "audio/mp4"),
    ("aac", "audio/aac"), ("ogg", "audio/ogg"), ("oga", "audio/ogg"), ("opus", "audio/ogg"),
    ("flac", "audio/flac"), ("wav", "audio/wav"), ("gz", "application/gzip"),
    ("tgz", "application/gzip"), ("zip", "application/zip"), ("zst", "application/zstd"),
    ("bz2", "application/x-bzip2"), ("xz", "application/x-xz"), ("tar", "application/x-tar"),
    ("7z", "application/x-7z-compressed"),
  ]
}
