// Counts system calls of one thread between two calls. Test support only.
//
// The C library's wrappers of the calls that Transport makes are defined here over syscall(2). A
// test bundle is an executable, so these definitions win over the C library's for the whole
// process. Waiting (epoll_wait) is counted apart: how often a loop waits depends on how events
// arrive, not on what a request costs.
#pragma once

/// Starts counting on the calling thread, from zero.
void call_count_begin(void);

/// Stops counting. Returns the calls of the calling thread since `call_count_begin`, waits left
/// out, or -1 where nothing can be counted: under a sanitizer, which wraps them itself.
long call_count_end(void);
