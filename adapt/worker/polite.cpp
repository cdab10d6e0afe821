// The C library's ways to open a file and to start a thread, as this program and its libraries call them: as ever
// before the jail is closed, and a plain "no" afterwards. A library that looks for an optional font or table goes on
// without it. It is no part of the defence: the system call itself is deadly (jail.cpp).
#include "adapt/worker/jail.h"

#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>

#include <cerrno>
#include <cstdarg>
#include <cstdio>

namespace {

template <class Function>
Function* next(const char* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

bool refused() {
  if (!cpm::adapt::worker::jailed()) return false;
  errno = EACCES;
  return true;
}

int mode_of(int flags, va_list rest) { return (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(rest, int) : 0; }

}  // namespace

// NOLINTBEGIN(cert-dcl50-cpp): the signatures are the C library's
extern "C" {

#define CPM_OPEN(name)                                                 \
  int name(const char* path, int flags, ...) {                         \
    if (refused()) return -1;                                          \
    va_list rest;                                                      \
    va_start(rest, flags);                                             \
    const int mode = mode_of(flags, rest);                             \
    va_end(rest);                                                      \
    return next<int(const char*, int, ...)>(#name)(path, flags, mode); \
  }
#define CPM_OPENAT(name)                                                            \
  int name(int folder, const char* path, int flags, ...) {                          \
    if (refused()) return -1;                                                       \
    va_list rest;                                                                   \
    va_start(rest, flags);                                                          \
    const int mode = mode_of(flags, rest);                                          \
    va_end(rest);                                                                   \
    return next<int(int, const char*, int, ...)>(#name)(folder, path, flags, mode); \
  }
#define CPM_FOPEN(name)                                                   \
  std::FILE* name(const char* path, const char* mode) {                   \
    if (refused()) return nullptr;                                        \
    return next<std::FILE*(const char*, const char*)>(#name)(path, mode); \
  }

CPM_OPEN(open)
CPM_OPEN(open64)
CPM_OPENAT(openat)
CPM_OPENAT(openat64)
CPM_FOPEN(fopen)
CPM_FOPEN(fopen64)

DIR* opendir(const char* path) {
  if (refused()) return nullptr;
  return next<DIR*(const char*)>("opendir")(path);
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
int pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*run)(void*), void* argument) noexcept {
  if (cpm::adapt::worker::jailed()) return EAGAIN;
  return next<int(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*)>("pthread_create")(thread, attributes,
                                                                                                 run, argument);
}
#endif
}
// NOLINTEND(cert-dcl50-cpp)
