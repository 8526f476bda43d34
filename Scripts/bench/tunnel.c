// The load of the tunnel scenarios of `make bench`, because wrk cannot send CONNECT.
//
//   tunnel PORT CONNECTIONS SECONDS PATH [AUTHORITY]
//
// Opens connections to 127.0.0.1:PORT, each with a CONNECT to AUTHORITY when there is one, and when
// all are open sends GETs through them for SECONDS, one at a time on each. What was asked is waited
// for and counted. It prints the line that wrk.lua prints, so that one reader serves both:
//
//   connect   1 when a connection was not opened or its CONNECT not answered with 200; nothing is
//             asked then
//   read      connections that ended, or brought what is no response with a Content-Length
//   write     requests that the kernel did not take
//   timeout   requests without an answer, PATIENCE after the last was sent
//   status    responses other than 200
//
// One thread, one epoll, level-triggered. A connection that failed is not opened again, and the run
// is over when all have: one with an error counts for nothing. Bodies are counted and never copied
// (MSG_TRUNC). It trusts its peers; never let it talk to anything but loopback.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum { HEAD_LIMIT = 4096, REQUEST_LIMIT = 1024, PATIENCE = 3 };

// Latencies are counted in steps of 10 microseconds, up to 10 s.
enum { STEP = 10, STEPS = 1000000 };

typedef struct {
    int fd;          // -1 when it is over
    bool in_body;    // else in a head
    uint64_t asked;  // when the request was sent
    size_t left;     // bytes of the body that did not come yet
    size_t length;   // bytes in `head`
    char head[HEAD_LIMIT + 1];
} Connection;

static struct {
    size_t requests, connect, read, write, timeout, status;
} counts;

static size_t working;  // connections that are not over
static uint64_t until;  // when nothing is asked any more
static uint32_t latencies[STEPS];
static char request[REQUEST_LIMIT];
static size_t request_length;

static uint64_t microseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void finish(Connection *it) {
    working -= 1;
    if (it->fd >= 0) close(it->fd);
    it->fd = -1;
}

static void fail(Connection *it, size_t *count) {
    *count += 1;
    finish(it);
}

// Opening.

static void open_one(Connection *it, uint16_t port, const char *authority) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port),
                                  .sin_addr = {htonl(INADDR_LOOPBACK)}};
    struct timeval patience = {.tv_sec = PATIENCE};
    int on = 1;
    it->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (it->fd < 0) return fail(it, &counts.connect);
    setsockopt(it->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(it->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    setsockopt(it->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(it->fd, (struct sockaddr *)&address, sizeof address))
        return fail(it, &counts.connect);
    if (!authority) return;
    char words[REQUEST_LIMIT];
    int length = snprintf(words, sizeof words, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n",
                          authority, authority);
    if (send(it->fd, words, (size_t)length, MSG_NOSIGNAL) != length) fail(it, &counts.connect);
}

// Reads the answer to CONNECT. Nothing may stand behind its head: the origin has not been asked.
static void enter_tunnel(Connection *it) {
    char *end = NULL;
    while (!end && it->length < HEAD_LIMIT) {
        ssize_t count = recv(it->fd, it->head + it->length, HEAD_LIMIT - it->length, 0);
        if (count <= 0) return fail(it, &counts.connect);
        it->length += (size_t)count;
        it->head[it->length] = 0;
        end = strstr(it->head, "\r\n\r\n");
    }
    bool opened = end && end + 4 == it->head + it->length && !strncmp(it->head, "HTTP/1.", 7) &&
                  !strncmp(it->head + 8, " 200", 4);
    if (!opened) {
        fprintf(stderr, "tunnel: CONNECT was answered with %.*s\n",
                (int)strcspn(it->head, "\r\n"), it->head);
        return fail(it, &counts.connect);
    }
    it->length = 0;
}

// Asking, and reading what comes.

static void ask(Connection *it, uint64_t now) {
    it->in_body = false;
    it->length = 0;
    it->asked = now;
    ssize_t count = send(it->fd, request, request_length, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count != (ssize_t)request_length) fail(it, &counts.write);
}

static void complete(Connection *it) {
    uint64_t now = microseconds(), step = (now - it->asked) / STEP;
    latencies[step < STEPS ? step : STEPS - 1] += 1;
    counts.requests += 1;
    if (now < until) ask(it, now);
    else finish(it);
}

// The value of Content-Length, or NULL. `head` ends with an empty line.
static const char *content_length(const char *head) {
    static const char name[] = "\r\nContent-Length:";
    const char *line = strcasestr(head, name);
    return line ? line + sizeof name - 1 : NULL;
}

static void read_head(Connection *it) {
    ssize_t count = recv(it->fd, it->head + it->length, HEAD_LIMIT - it->length, MSG_DONTWAIT);
    if (count < 0 && errno == EAGAIN) return;
    if (count <= 0) return fail(it, &counts.read);
    it->length += (size_t)count;
    it->head[it->length] = 0;
    char *end = strstr(it->head, "\r\n\r\n");
    if (!end && it->length < HEAD_LIMIT) return;
    if (!end || strncmp(it->head, "HTTP/1.1 ", 9)) return fail(it, &counts.read);
    // Of the body as much as came with the head; what follows has to wait for its own head.
    size_t had = it->length - (size_t)(end + 4 - it->head);
    end[2] = 0;
    const char *size = content_length(it->head);
    if (!size) return fail(it, &counts.read);
    it->left = strtoull(size, NULL, 10);
    if (had > it->left) return fail(it, &counts.read);
    if (strncmp(it->head + 9, "200", 3)) counts.status += 1;
    it->left -= had;
    it->in_body = true;
    if (it->left == 0) complete(it);
}

static void read_body(Connection *it) {
    ssize_t count = recv(it->fd, NULL, it->left, MSG_TRUNC | MSG_DONTWAIT);
    if (count < 0 && errno == EAGAIN) return;
    if (count <= 0) return fail(it, &counts.read);
    it->left -= (size_t)count;
    if (it->left == 0) complete(it);
}

static void run(Connection *all, size_t size, int poll_fd) {
    struct epoll_event events[256];
    for (size_t i = 0; i < size; i++) {
        struct epoll_event event = {EPOLLIN, {.ptr = &all[i]}};
        epoll_ctl(poll_fd, EPOLL_CTL_ADD, all[i].fd, &event);
        ask(&all[i], microseconds());
    }
    uint64_t last = until + PATIENCE * 1000000;
    for (uint64_t now; working > 0 && (now = microseconds()) < last;) {
        int found = epoll_wait(poll_fd, events, 256, (int)((last - now) / 1000 + 1));
        for (int i = 0; i < found; i++) {
            Connection *it = events[i].data.ptr;
            if (it->in_body) read_body(it);
            else read_head(it);
        }
    }
}

static size_t percentile(size_t of_hundred) {
    size_t wanted = counts.requests * of_hundred / 100, seen = 0;
    for (size_t step = 0; step < STEPS; step++) {
        seen += latencies[step];
        if (seen > wanted || (seen && seen == counts.requests)) return step * STEP;
    }
    return 0;
}

int main(int count, char **words) {
    int port = count > 4 ? atoi(words[1]) : 0;
    int size = count > 4 ? atoi(words[2]) : 0, seconds = count > 4 ? atoi(words[3]) : 0;
    const char *authority = count == 6 ? words[5] : NULL;
    if (port <= 0 || port > 65535 || size <= 0 || seconds <= 0 || count > 6 ||
        strlen(words[4]) > REQUEST_LIMIT / 2 || (authority && strlen(authority) > 256)) {
        fprintf(stderr, "usage: tunnel PORT CONNECTIONS SECONDS PATH [AUTHORITY]\n");
        return 1;
    }
    char here[32];
    snprintf(here, sizeof here, "127.0.0.1:%d", port);
    request_length = (size_t)snprintf(request, sizeof request,
                                      "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", words[4],
                                      authority ? authority : here);
    Connection *all = calloc((size_t)size, sizeof *all);
    int poll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (!all || poll_fd < 0) return 1;
    working = (size_t)size;
    // All CONNECTs are sent before an answer is awaited. The first that fails ends it.
    for (int i = 0; i < size && !counts.connect; i++)
        open_one(&all[i], (uint16_t)port, authority);
    for (int i = 0; i < size && !counts.connect && authority; i++) enter_tunnel(&all[i]);
    uint64_t started = microseconds();
    until = started + (uint64_t)seconds * 1000000;
    if (!counts.connect) {
        run(all, (size_t)size, poll_fd);
        counts.timeout = working;
    }
    uint64_t took = microseconds() - started;
    free(all);
    printf("result requests=%zu microseconds=%llu p50=%zu p99=%zu"
           " connect=%zu read=%zu write=%zu timeout=%zu status=%zu\n",
           counts.requests, (unsigned long long)took, percentile(50), percentile(99),
           counts.connect, counts.read, counts.write, counts.timeout, counts.status);
    return 0;
}
