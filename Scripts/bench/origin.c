// The origin of `make bench`: as cheap as a correct one can be, because it shares a core with the
// load.
//
//   origin PORT        listens on 127.0.0.1:PORT until it is killed
//
//   GET /              200 bytes
//   GET /bytes/N       N bytes with Content-Length
//   GET /chunked/N     N bytes in chunks of 16 kB
//   PUT, POST anything reads the body to its end, then answers "ok"
//
// One thread, one epoll, level-triggered. A response is built once and sent from memory ever after:
// a connection holds a pointer and an offset. Pipelined requests are answered one after another. It
// trusts its peers; never let it listen anywhere but on loopback.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HEAD_LIMIT = 16 << 10, CHUNK = 16 << 10, BODY_LIMIT = 64 << 20, RESPONSES = 32 };

typedef struct {
    const char *kind;  // "bytes", "chunked", or a status line for an answer without a path
    size_t size;
    bool closes;
    char *bytes;
    size_t length;
} Response;

// What the next byte of input belongs to.
typedef enum { HEAD, BODY, CHUNK_SIZE, CHUNK_DATA, TRAILERS } Expecting;

typedef struct {
    int fd;
    Expecting expecting;
    size_t left;              // bytes of BODY, or of CHUNK_DATA with its CRLF
    bool closes;              // the answer is the last one
    bool waits_for_room;      // epoll watches for writing instead of reading
    const Response *sending;  // NULL when nothing is on its way
    size_t sent;
    size_t length;            // bytes in `input`
    char input[HEAD_LIMIT];
} Connection;

static int poll_fd;

// Responses.

static size_t write_chunks(char *to, size_t size) {
    char *at = to;
    while (size > 0) {
        size_t part = size < CHUNK ? size : CHUNK;
        at += sprintf(at, "%zx\r\n", part);
        memset(at, 'b', part);
        at += part;
        at += sprintf(at, "\r\n");
        size -= part;
    }
    return (size_t)(at + sprintf(at, "0\r\n\r\n") - to);
}

// The response for these words, built when it is asked for the first time.
static const Response *response(const char *kind, size_t size, bool closes) {
    static Response known[RESPONSES];
    static int count;
    for (int i = 0; i < count; i++) {
        Response *one = &known[i];
        if (one->size == size && one->closes == closes && !strcmp(one->kind, kind)) return one;
    }
    bool chunked = !strcmp(kind, "chunked");
    bool found = chunked || !strcmp(kind, "bytes");
    char *bytes = count < RESPONSES ? malloc(512 + size + (size / CHUNK + 2) * 16) : NULL;
    if (!bytes) {
        fprintf(stderr, "origin: no room for another response\n");
        exit(1);
    }
    int length = sprintf(bytes,
        "HTTP/1.1 %s\r\nServer: origin\r\nDate: Sat, 01 Jan 2000 00:00:00 GMT\r\n"
        "Content-Type: text/plain\r\n%s", found ? "200 OK" : kind,
        closes ? "Connection: close\r\n" : "");
    if (chunked) {
        length += sprintf(bytes + length, "Transfer-Encoding: chunked\r\n\r\n");
        length += (int)write_chunks(bytes + length, size);
    } else {
        length += sprintf(bytes + length, "Content-Length: %zu\r\n\r\n", size);
        memset(bytes + length, 'b', size);
        length += (int)size;
    }
    known[count] = (Response){strdup(kind), size, closes, bytes, (size_t)length};
    return &known[count++];
}

static const Response *answer(const char *target, bool closes) {
    size_t size;
    if (!strncmp(target, "/ ", 2)) return response("bytes", 200, closes);
    if (sscanf(target, "/bytes/%zu ", &size) == 1 && size <= BODY_LIMIT)
        return response("bytes", size, closes);
    if (sscanf(target, "/chunked/%zu ", &size) == 1 && size <= BODY_LIMIT)
        return response("chunked", size, closes);
    return response("404 Not Found", 0, closes);
}

// Connections.

static void watch(Connection *it, bool room) {
    if (it->waits_for_room == room) return;
    it->waits_for_room = room;
    struct epoll_event event = {room ? EPOLLOUT : EPOLLIN, {.ptr = it}};
    epoll_ctl(poll_fd, EPOLL_CTL_MOD, it->fd, &event);
}

static void end(Connection *it) {
    close(it->fd);
    free(it);
}

// Sends what is due. False when the connection ended.
static bool flush(Connection *it) {
    while (it->sending) {
        const Response *from = it->sending;
        ssize_t count = send(it->fd, from->bytes + it->sent, from->length - it->sent, MSG_NOSIGNAL);
        if (count < 0 && errno == EAGAIN) {
            watch(it, true);
            return true;
        }
        if (count < 0) return end(it), false;
        it->sent += (size_t)count;
        if (it->sent < from->length) continue;
        it->sending = NULL;
        if (it->closes) return end(it), false;
    }
    watch(it, false);
    return true;
}

// The value of a field, or NULL. `head` ends with an empty line and a zero.
static const char *field(const char *head, const char *name) {
    size_t length = strlen(name);
    const char *line = head;
    while ((line = strstr(line, "\r\n")) && line[2] != '\r') {
        line += 2;
        if (!strncasecmp(line, name, length) && line[length] == ':')
            return line + length + 1 + strspn(line + length + 1, " \t");
    }
    return NULL;
}

static void drop(Connection *it, size_t count) {
    it->length -= count;
    memmove(it->input, it->input + count, it->length);
}

static void respond(Connection *it, const Response *with) {
    it->sending = with;
    it->sent = 0;
    it->expecting = HEAD;
}

// Answers with an error, and reads no further.
static bool refuse(Connection *it, const char *status) {
    it->closes = true;
    respond(it, response(status, 0, true));
    return true;
}

// Takes one head from the input. False when it is not complete yet.
static bool take_head(Connection *it) {
    char *end_of_head = memmem(it->input, it->length, "\r\n\r\n", 4);
    if (!end_of_head)
        return it->length == HEAD_LIMIT && refuse(it, "431 Request Header Fields Too Large");
    size_t length = (size_t)(end_of_head + 4 - it->input);
    end_of_head[3] = 0;
    const char *head = it->input, *target = strchr(head, ' ');
    const char *connection = field(head, "Connection");
    const char *size = field(head, "Content-Length");
    const char *coding = field(head, "Transfer-Encoding");
    bool gets = !strncmp(head, "GET ", 4);
    bool sends = !strncmp(head, "PUT ", 4) || !strncmp(head, "POST ", 5);
    it->closes = connection && !strncasecmp(connection, "close", 5);
    if (!target || (!gets && !sends)) {
        refuse(it, "501 Not Implemented");
    } else if (coding) {
        it->expecting = CHUNK_SIZE;
    } else if (size && (it->left = strtoull(size, NULL, 10)) > 0) {
        it->expecting = BODY;
    } else {
        respond(it, gets ? answer(target + 1, it->closes) : response("bytes", 2, it->closes));
    }
    drop(it, length);
    return true;
}

// Takes one line of a chunked body from the input. False when it is not complete yet.
static bool take_line(Connection *it) {
    char *line_end = memmem(it->input, it->length, "\r\n", 2);
    if (!line_end) return it->length == HEAD_LIMIT && refuse(it, "400 Bad Request");
    bool empty = line_end == it->input;
    if (it->expecting == CHUNK_SIZE) {
        size_t size = strtoull(it->input, NULL, 16);
        it->left = size + 2;
        it->expecting = size > 0 ? CHUNK_DATA : TRAILERS;
    } else if (empty) {
        respond(it, response("bytes", 2, it->closes));
    }
    drop(it, (size_t)(line_end + 2 - it->input));
    return true;
}

// Goes through the input until an answer is due or more is needed. False when there is no progress.
static bool step(Connection *it) {
    if (it->length == 0 || it->sending) return false;
    switch (it->expecting) {
    case HEAD: return take_head(it);
    case CHUNK_SIZE:
    case TRAILERS: return take_line(it);
    case BODY:
    case CHUNK_DATA: {
        size_t count = it->length < it->left ? it->length : it->left;
        drop(it, count);
        it->left -= count;
        if (it->left > 0) return true;
        if (it->expecting == BODY) respond(it, response("bytes", 2, it->closes));
        else it->expecting = CHUNK_SIZE;
        return true;
    }
    }
    return false;
}

// Body bytes need no look: they go to a buffer that all connections share.
static ssize_t read_more(Connection *it) {
    static char sink[256 << 10];
    bool body = (it->expecting == BODY || it->expecting == CHUNK_DATA) && it->length == 0;
    if (!body) {
        ssize_t count = recv(it->fd, it->input + it->length, HEAD_LIMIT - it->length, 0);
        if (count > 0) it->length += (size_t)count;
        return count;
    }
    ssize_t count = recv(it->fd, sink, it->left < sizeof sink ? it->left : sizeof sink, 0);
    if (count <= 0) return count;
    it->left -= (size_t)count;
    if (it->left == 0) {
        if (it->expecting == BODY) respond(it, response("bytes", 2, it->closes));
        else it->expecting = CHUNK_SIZE;
    }
    return count;
}

static void ready(Connection *it) {
    if (!it->sending) {
        ssize_t count = read_more(it);
        if (count < 0 && errno == EAGAIN) return;
        if (count <= 0) return end(it);
    }
    do {
        if (!flush(it)) return;
    } while (step(it));
}

static void accept_all(int listener) {
    int fd, on = 1;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        Connection *it = malloc(sizeof *it);
        if (!it) exit(1);
        memset(it, 0, offsetof(Connection, input));
        it->fd = fd;
        struct epoll_event event = {EPOLLIN, {.ptr = it}};
        epoll_ctl(poll_fd, EPOLL_CTL_ADD, fd, &event);
    }
}

int main(int count, char **words) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;
    address.sin_port = htons((uint16_t)(count == 2 ? atoi(words[1]) : 0));
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (count != 2 || bind(listener, (struct sockaddr *)&address, sizeof address) ||
        listen(listener, 4096)) {
        fprintf(stderr, "usage: origin PORT (%s)\n", count == 2 ? strerror(errno) : "one argument");
        return 1;
    }
    poll_fd = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event events[256], event = {EPOLLIN, {.ptr = NULL}};
    epoll_ctl(poll_fd, EPOLL_CTL_ADD, listener, &event);
    for (;;) {
        int found = epoll_wait(poll_fd, events, 256, -1);
        for (int i = 0; i < found; i++) {
            if (events[i].data.ptr) ready(events[i].data.ptr);
            else accept_all(listener);
        }
    }
}
