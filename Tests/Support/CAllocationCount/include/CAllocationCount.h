// Counts heap allocations of one thread between two calls. Test support only.
//
// The functions of malloc's family are defined here over the C library's own (`__libc_*`). A test
// bundle is an executable, so these definitions win over the C library's for the whole process.
#pragma once

/// Starts counting on the calling thread, from zero.
void allocation_count_begin(void);

/// Stops counting. Returns the allocations of the calling thread since `allocation_count_begin`,
/// or -1 where nothing can be counted: under a sanitizer, which brings its own malloc.
long allocation_count_end(void);
