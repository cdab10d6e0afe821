#include "adapt/worker/jail.h"

#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <initializer_list>
#include <string>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define CPM_SANITIZED 1
#else
#define CPM_SANITIZED 0
#endif

namespace cpm::adapt::worker {

namespace {

constexpr uid_t kNobody = 65534;
constexpr int kNice = 10;
bool g_jailed = false;

[[noreturn]] void give_up(const char* what) {
  std::fprintf(stderr, "cannot close the jail: %s: %s\n", what, std::strerror(errno));
  ::_exit(70);
}

void limit(__rlimit_resource_t resource, std::uint64_t value, const char* name) {
  const rlimit both{value, value};
  if (::setrlimit(resource, &both) != 0) give_up(name);
}

std::uint64_t mapped_now() {
  unsigned long pages = 0;
  std::FILE* file = std::fopen("/proc/self/statm", "re");
  if (file == nullptr || std::fscanf(file, "%lu", &pages) != 1) give_up("statm");
  std::fclose(file);
  return static_cast<std::uint64_t>(pages) * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

void write_own(const char* path, const char* text) {
  std::FILE* file = std::fopen(path, "we");
  if (file == nullptr) return;  // not on this machine
  std::fputs(text, file);
  std::fclose(file);
}

// Conversions take the time that deposits and fetches leave, and go first when the machine is short of memory.
void stand_back() {
  write_own("/proc/self/oom_score_adj", "500");
  // Where processes are scheduled by session, nice counts within one only: this is the session's.
  write_own("/proc/self/autogroup", std::to_string(kNice).c_str());
}

class Filter {
 public:
  Filter() : context_(::seccomp_init(SCMP_ACT_KILL_PROCESS)) {
    if (context_ == nullptr) give_up("seccomp_init");
  }
  ~Filter() { ::seccomp_release(context_); }
  Filter(const Filter&) = delete;
  Filter& operator=(const Filter&) = delete;

  void allow(std::initializer_list<int> calls) {
    for (const int call : calls) add(SCMP_ACT_ALLOW, call, {});
  }
  void allow(int call, std::initializer_list<scmp_arg_cmp> tests) { add(SCMP_ACT_ALLOW, call, tests); }
  // Harmless questions of libraries: answered with an error.
  void refuse(int error, std::initializer_list<int> calls) {
    for (const int call : calls) add(SCMP_ACT_ERRNO(static_cast<std::uint16_t>(error)), call, {});
  }
  void load() {
    if (const int error = ::seccomp_load(context_); error != 0) {
      errno = -error;
      give_up("seccomp_load");
    }
  }

 private:
  void add(std::uint32_t action, int call, std::initializer_list<scmp_arg_cmp> tests) {
    const int error =
        ::seccomp_rule_add_array(context_, action, call, static_cast<unsigned>(tests.size()), tests.begin());
    if (error != 0) {
      errno = -error;
      give_up("seccomp_rule_add");
    }
  }
  scmp_filter_ctx context_;
};

void filter_calls(int job) {
  Filter filter;
  const auto descriptor = static_cast<scmp_datum_t>(job);
  filter.allow(SCMP_SYS(read), {SCMP_A0_64(SCMP_CMP_EQ, descriptor, 0)});
  filter.allow(SCMP_SYS(write), {SCMP_A0_64(SCMP_CMP_EQ, descriptor, 0)});
  filter.allow(SCMP_SYS(write), {SCMP_A0_64(SCMP_CMP_EQ, STDERR_FILENO, 0)});
  // Memory, but none that can be executed.
  filter.allow(SCMP_SYS(mmap), {SCMP_A2_64(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)});
  filter.allow(SCMP_SYS(mprotect), {SCMP_A2_64(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)});
  filter.allow({SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(brk), SCMP_SYS(madvise)});
  filter.allow({SCMP_SYS(futex),        SCMP_SYS(clock_gettime),   SCMP_SYS(clock_getres), SCMP_SYS(gettimeofday),
                SCMP_SYS(time),         SCMP_SYS(times),           SCMP_SYS(getrusage),    SCMP_SYS(getpid),
                SCMP_SYS(gettid),       SCMP_SYS(getuid),          SCMP_SYS(geteuid),      SCMP_SYS(getgid),
                SCMP_SYS(getegid),      SCMP_SYS(getrandom),       SCMP_SYS(sched_yield),  SCMP_SYS(sched_getaffinity),
                SCMP_SYS(sysinfo),      SCMP_SYS(uname),           SCMP_SYS(rt_sigreturn), SCMP_SYS(rt_sigprocmask),
                SCMP_SYS(rt_sigaction), SCMP_SYS(restart_syscall), SCMP_SYS(exit),         SCMP_SYS(exit_group)});
  // abort() of a library that finds itself broken: only to itself.
  filter.allow(SCMP_SYS(tgkill), {SCMP_A0_64(SCMP_CMP_EQ, static_cast<scmp_datum_t>(::getpid()), 0)});
  filter.refuse(EACCES, {SCMP_SYS(stat), SCMP_SYS(lstat), SCMP_SYS(newfstatat), SCMP_SYS(access), SCMP_SYS(faccessat),
                         SCMP_SYS(faccessat2), SCMP_SYS(readlink), SCMP_SYS(getcwd), SCMP_SYS(fstat), SCMP_SYS(statx)});
  filter.refuse(EBADF, {SCMP_SYS(ioctl), SCMP_SYS(fcntl), SCMP_SYS(lseek), SCMP_SYS(close)});
  filter.refuse(EPERM, {SCMP_SYS(sched_setaffinity), SCMP_SYS(sched_setscheduler), SCMP_SYS(sched_getparam),
                        SCMP_SYS(sched_getscheduler), SCMP_SYS(prlimit64), SCMP_SYS(getrlimit), SCMP_SYS(prctl),
                        SCMP_SYS(set_mempolicy), SCMP_SYS(get_mempolicy)});
#if CPM_SANITIZED
  filter.allow({SCMP_SYS(sigaltstack)});
#endif
  filter.load();
}

}  // namespace

std::string leave_the_world() {
  stand_back();
  std::string note;
  if (::geteuid() == 0) {
    if (::setgroups(0, nullptr) != 0 || ::setresgid(kNobody, kNobody, kNobody) != 0 ||
        ::setresuid(kNobody, kNobody, kNobody) != 0)
      note = "runs as root; ";
  }
  if (::unshare(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS) != 0)
    note += std::string("no namespaces (") + std::strerror(errno) + "); ";
  // A new namespace gives every capability within it; nobody needs one.
  __user_cap_header_struct head{_LINUX_CAPABILITY_VERSION_3, 0};
  const __user_cap_data_struct none[2]{};
  if (::syscall(SYS_capset, &head, none) != 0) note += "keeps capabilities; ";
#if CPM_SANITIZED
  note += "built with a sanitizer: memory is not limited; ";
#endif
  if (!note.empty()) note.resize(note.size() - 2);
  return note;
}

void close_jail(const JailSettings& settings) {
  const sched_param none{};
  ::sched_setscheduler(0, SCHED_BATCH, &none);
  ::setpriority(PRIO_PROCESS, 0, kNice);
#if !CPM_SANITIZED
  limit(RLIMIT_AS, mapped_now() + settings.memory, "RLIMIT_AS");
#endif
  limit(RLIMIT_CPU, settings.cpu, "RLIMIT_CPU");
  limit(RLIMIT_FSIZE, 0, "RLIMIT_FSIZE");
  limit(RLIMIT_CORE, 0, "RLIMIT_CORE");
  limit(RLIMIT_NPROC, 0, "RLIMIT_NPROC");
  limit(RLIMIT_NOFILE, static_cast<std::uint64_t>(settings.job) + 1, "RLIMIT_NOFILE");
  if (::prctl(PR_SET_DUMPABLE, 0) != 0) give_up("PR_SET_DUMPABLE");
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) give_up("PR_SET_NO_NEW_PRIVS");
  ::signal(SIGPIPE, SIG_IGN);
  filter_calls(settings.job);
  g_jailed = true;
}

bool jailed() noexcept { return g_jailed; }

}  // namespace cpm::adapt::worker
