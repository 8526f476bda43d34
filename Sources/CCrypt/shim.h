// crypt(3) of libxcrypt, which Debian's libc development package brings.
#pragma once
#include <crypt.h>
#include <stdlib.h>
#include <string.h>

/// Hashes `word` as `setting` says, into `out`. The length of the hash, or -1.
static inline int linux_crypt(const char *word, const char *setting, char *out, int size) {
  struct crypt_data *data = calloc(1, sizeof *data);
  if (!data) return -1;
  const char *made = crypt_r(word, setting, data);
  int length = -1;
  if (made && made[0] != '*') {
    length = (int)strlen(made);
    if (length >= size) length = -1;
    else memcpy(out, made, (size_t)length + 1);
  }
  free(data);
  return length;
}
