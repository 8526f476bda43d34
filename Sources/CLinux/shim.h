// What Glibc's own module leaves out: it is built without _GNU_SOURCE.
#pragma once
#include <errno.h>
#include <linux/openat2.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/sendfile.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

/// `struct tcp_info` as far as it is read, which is further than glibc's goes. The kernel only ever
/// appends to it, and says how much it has filled in.
struct linux_tcp_info {
  struct tcp_info base;
  unsigned long long pacing_rate;
  unsigned long long max_pacing_rate;
  unsigned long long bytes_acked;
};
_Static_assert(sizeof(struct tcp_info) == 104, "glibc's tcp_info ends with tcpi_total_retrans");

extern int accept4(int fd, struct sockaddr *address, socklen_t *length, int flags);
extern int pthread_setname_np(pthread_t thread, const char *name);

/// Processors that this thread may run on, or -1 with errno. The set has room for 8192.
static inline int linux_allowed_processors(void) {
  unsigned long set[8192 / (8 * sizeof(unsigned long))];
  long bytes = syscall(SYS_sched_getaffinity, 0, sizeof set, set);
  if (bytes < 0) return -1;
  int count = 0;
  for (unsigned long i = 0; i < (unsigned long)bytes / sizeof set[0]; i++)
    count += __builtin_popcountl(set[i]);
  return count;
}

/// openat2(2) that never leaves `directory`, whatever `..` and symbolic links say. glibc has no
/// wrapper for it. -1 with errno; ENOSYS before Linux 5.6.
static inline int linux_open_beneath(int directory, const char *path, int flags) {
  struct open_how how = {0};
  how.flags = (unsigned long long)flags;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  return (int)syscall(SYS_openat2, directory, path, &how, sizeof how);
}
