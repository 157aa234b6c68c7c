#define _GNU_SOURCE
#include "zeroing_free.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

// glibc's own allocator, under the names that it exports for wrappers like this one.
extern void __libc_free(void *pointer);
extern void *__libc_malloc(size_t size);

#define EXPORTED __attribute__((visibility("default")))

// Every byte that the program gives back is wiped first, so that no copy of a client secret that a
// library made (a header, a form, a TLS record) outlives its use.
EXPORTED void free(void *pointer) {
    if (pointer == NULL) return;
    int saved = errno;
    explicit_bzero(pointer, malloc_usable_size(pointer));
    __libc_free(pointer);
    errno = saved;
}

// glibc's realloc would give the old block back unwiped.
EXPORTED void *realloc(void *pointer, size_t size) {
    if (pointer == NULL) return __libc_malloc(size);
    if (size == 0) {
        free(pointer);
        return NULL;
    }
    size_t usable = malloc_usable_size(pointer);
    if (size <= usable && size >= usable / 2) {
        explicit_bzero((char *)pointer + size, usable - size);
        return pointer;
    }
    void *moved = __libc_malloc(size);
    if (moved == NULL) return NULL;
    memcpy(moved, pointer, usable < size ? usable : size);
    free(pointer);
    return moved;
}

void bursar_zeroing_free_is_linked(void) {}
