#include "server/process.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string_view>

extern char** environ;

namespace cpm::server {

namespace {

constexpr std::size_t kOutputKept = 64 * 1024;

// Everything that needs memory is made before fork(): afterwards only async-signal-safe calls are allowed.
struct Prepared {
  std::vector<char*> arguments;
  std::vector<std::string> environment;
  std::vector<char*> environment_pointers;

  explicit Prepared(const Program& program) {
    for (const std::string& argument : program.arguments) arguments.push_back(const_cast<char*>(argument.c_str()));
    arguments.push_back(nullptr);
    for (char** entry = environ; *entry != nullptr; ++entry) {
      const std::string_view text(*entry);
      // PGDATA, PGPORT … of the operator's shell must not steer our cluster; its messages are read by us.
      if (text.starts_with("PG") || text.starts_with("LC_") || text.starts_with("LANG")) continue;
      environment.emplace_back(text);
    }
    environment.emplace_back("LC_ALL=C.UTF-8");
    for (std::string& entry : environment) environment_pointers.push_back(entry.data());
    environment_pointers.push_back(nullptr);
  }
};

// In the child: default signals, death signal, working directory, descriptors, then the program.
[[noreturn]] void become_program(const Prepared& prepared, int in, int out, int death_signal, pid_t parent) {
  ::setsid();
  for (int signal = 1; signal < NSIG; ++signal) {
    if (signal != SIGKILL && signal != SIGSTOP) ::signal(signal, SIG_DFL);
  }
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::prctl(PR_SET_PDEATHSIG, death_signal);
  if (::getppid() != parent) ::_exit(127);  // it died before the line above
  if (::chdir("/") != 0) ::_exit(127);
  ::dup2(in, STDIN_FILENO);
  ::dup2(out, STDOUT_FILENO);
  ::dup2(out, STDERR_FILENO);
  ::execve(prepared.arguments[0], prepared.arguments.data(), prepared.environment_pointers.data());
  constexpr std::string_view kText = "cannot be executed\n";
  [[maybe_unused]] const ssize_t n = ::write(STDERR_FILENO, kText.data(), kText.size());
  ::_exit(127);
}

struct Pipe {
  std::array<int, 2> ends{-1, -1};
  Pipe() {
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) ends = {-1, -1};
  }
  ~Pipe() {
    close(0);
    close(1);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  void close(std::size_t end) {
    if (ends[end] >= 0) ::close(ends[end]);
    ends[end] = -1;
  }
};

Error system_failure(const std::string& what) {
  const std::string why = std::strerror(errno);
  return fail(Failure::unavailable, what + ": " + why, what);
}

}  // namespace

Result<Ended> run_program(const Program& program) {
  const Prepared prepared(program);
  Pipe in;
  Pipe out;
  if (in.ends[0] < 0 || out.ends[0] < 0) return system_failure("cannot make a pipe");
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) return system_failure("cannot start " + program.arguments[0]);
  if (pid == 0) become_program(prepared, in.ends[0], out.ends[1], SIGTERM, parent);
  in.close(0);
  out.close(1);
  ::fcntl(in.ends[1], F_SETFL, O_NONBLOCK);
  Ended ended;
  std::string_view rest = program.input;
  if (rest.empty()) in.close(1);
  for (;;) {
    pollfd wait[2] = {{out.ends[0], POLLIN, 0}, {in.ends[1], POLLOUT, 0}};
    if (::poll(wait, 2, -1) < 0 && errno != EINTR) break;
    if (wait[1].revents != 0) {
      const ssize_t n = ::write(in.ends[1], rest.data(), rest.size());
      if (n > 0) rest.remove_prefix(static_cast<std::size_t>(n));
      if (rest.empty() || (n < 0 && errno != EAGAIN && errno != EINTR)) in.close(1);
    }
    if (wait[0].revents != 0) {
      char block[4096];
      const ssize_t n = ::read(out.ends[0], block, sizeof block);
      if (n == 0 || (n < 0 && errno != EINTR)) break;
      if (n > 0) ended.output.append(block, static_cast<std::size_t>(n));
      if (ended.output.size() > 2 * kOutputKept) ended.output.erase(0, ended.output.size() - kOutputKept);
    }
  }
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  ended.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return ended;
}

Result<pid_t> start_child(const Program& program, const std::string& log, int death_signal) {
  const Prepared prepared(program);
  const int out = ::open(log.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  if (out < 0) return system_failure("cannot write " + log);
  const int in = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  const pid_t parent = ::getpid();
  const pid_t pid = in < 0 ? -1 : ::fork();
  if (pid == 0) become_program(prepared, in, out, death_signal, parent);
  const int error = errno;
  ::close(out);
  if (in >= 0) ::close(in);
  errno = error;
  if (pid < 0) return system_failure("cannot start " + program.arguments[0]);
  return pid;
}

std::string describe_status(int wait_status) {
  if (WIFEXITED(wait_status)) return "exit code " + std::to_string(WEXITSTATUS(wait_status));
  const int signal = WTERMSIG(wait_status);
  return "signal " + std::to_string(signal) + " (" + ::strsignal(signal) + ")";
}

void kill_family(pid_t parent) {
  std::vector<pid_t> family{parent};
  std::error_code error;
  for (std::filesystem::directory_iterator it("/proc", error), end; it != end; it.increment(error)) {
    const pid_t pid = std::atoi(it->path().filename().c_str());
    std::ifstream file(it->path() / "stat");
    std::string text;
    if (pid <= 0 || !std::getline(file, text)) continue;
    // "pid (name) state ppid …"; the name may hold anything.
    const std::size_t name_end = text.rfind(')');
    std::istringstream rest(name_end == std::string::npos ? "" : text.substr(name_end + 1));
    std::string state;
    pid_t ppid = 0;
    if (rest >> state >> ppid && ppid == parent) family.push_back(pid);
  }
  for (const pid_t pid : family) ::kill(pid, SIGKILL);
}

}  // namespace cpm::server
