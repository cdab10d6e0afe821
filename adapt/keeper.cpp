#include "adapt/keeper.h"

#include "base/log.h"

#include <boost/asio/post.hpp>

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace cpm::adapt {

namespace {

constexpr std::size_t kLinesPerMinute = 60;
constexpr std::size_t kLine = 300;
constexpr int kFree = 10;  // descriptors from here on do not collide with those that the program gets

struct Descriptor {
  int number = -1;
  explicit Descriptor(int n = -1) : number(n) {}
  ~Descriptor() {
    if (number >= 0) ::close(number);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int release() { return std::exchange(number, -1); }
};

struct SpawnSettings {
  posix_spawn_file_actions_t files{};
  posix_spawnattr_t attributes{};
  SpawnSettings() {
    ::posix_spawn_file_actions_init(&files);
    ::posix_spawnattr_init(&attributes);
  }
  ~SpawnSettings() {
    ::posix_spawn_file_actions_destroy(&files);
    ::posix_spawnattr_destroy(&attributes);
  }
  SpawnSettings(const SpawnSettings&) = delete;
  SpawnSettings& operator=(const SpawnSettings&) = delete;
};

Error system_failure(const std::string& what, int error) {
  return cpm::fail(Failure::unavailable, what + ": " + std::strerror(error), what);
}

// Not what the machine lacks at the moment.
bool no_program(int error) {
  return error == ENOENT || error == ENOTDIR || error == EACCES || error == EPERM || error == ENOEXEC;
}

// With an empty environment, standard input from nowhere, 1 and 2 to the log, 3 the control socket, and nothing else.
Result<pid_t> spawn(const std::vector<std::string>& command, int log, int control) {
  SpawnSettings settings;
  ::posix_spawn_file_actions_addopen(&settings.files, 0, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_adddup2(&settings.files, log, 1);
  ::posix_spawn_file_actions_adddup2(&settings.files, log, 2);
  ::posix_spawn_file_actions_adddup2(&settings.files, control, 3);
  ::posix_spawn_file_actions_addclosefrom_np(&settings.files, 4);
  ::posix_spawn_file_actions_addchdir_np(&settings.files, "/");
  sigset_t all;
  sigset_t none;
  sigfillset(&all);
  sigemptyset(&none);
  ::posix_spawnattr_setsigdefault(&settings.attributes, &all);
  ::posix_spawnattr_setsigmask(&settings.attributes, &none);
  ::posix_spawnattr_setflags(&settings.attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSID);
  std::vector<char*> arguments;
  for (const std::string& argument : command) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  char* environment[] = {nullptr};
  pid_t pid = -1;
  const int error =
      ::posix_spawn(&pid, arguments[0], &settings.files, &settings.attributes, arguments.data(), environment);
  if (error != 0) {
    Error failure = system_failure("cannot run " + command[0], error);
    if (no_program(error)) failure.failure = Failure::not_found;
    return failure;
  }
  return pid;
}

}  // namespace

Keeper::Keeper(boost::asio::io_context& io, std::vector<std::string> command, Events events)
    : io_(io), command_(std::move(command)), events_(std::move(events)), control_(io), log_(io) {}

Keeper::~Keeper() { end(); }

Result<void> Keeper::run() {
  end();
  int pair[2];
  int pipe[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
    return system_failure("cannot make a socket", errno);
  Descriptor ours(pair[0]);
  Descriptor theirs(pair[1]);
  if (::pipe2(pipe, O_CLOEXEC) != 0) return system_failure("cannot make a pipe", errno);
  Descriptor log_out(pipe[0]);
  Descriptor log_in(pipe[1]);
  const Descriptor high_control(::fcntl(theirs.number, F_DUPFD_CLOEXEC, kFree));
  const Descriptor high_log(::fcntl(log_in.number, F_DUPFD_CLOEXEC, kFree));
  if (high_control.number < 0 || high_log.number < 0) return system_failure("cannot copy a descriptor", errno);
  CPM_TRY(pid, spawn(command_, high_log.number, high_control.number));
  pid_ = pid;
  ++run_;
  ::fcntl(ours.number, F_SETFL, O_NONBLOCK);
  ::fcntl(log_out.number, F_SETFL, O_NONBLOCK);
  control_.assign(ours.release());
  log_.assign(log_out.release());
  listen();
  listen_log();
  return {};
}

void Keeper::end() {
  boost::system::error_code ignored;
  control_.close(ignored);
  log_.close(ignored);
  if (pid_ > 0) {
    ::kill(pid_, SIGKILL);
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
  pid_ = -1;
  line_.clear();
}

void Keeper::start(std::uint64_t worker, int socket) {
  const Descriptor given(socket);
  Control control;
  control.kind = Control::Kind::start;
  control.worker = worker;
  send(control, socket);
}

void Keeper::kill(std::uint64_t worker) {
  Control control;
  control.kind = Control::Kind::kill;
  control.worker = worker;
  send(control);
}

void Keeper::send(const Control& control, int descriptor) {
  if (!control_.is_open()) return;
  iovec data{const_cast<Control*>(&control), sizeof control};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> ancillary{};
  if (descriptor >= 0) {
    message.msg_control = ancillary.data();
    message.msg_controllen = ancillary.size();
    cmsghdr* head = CMSG_FIRSTHDR(&message);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(head), &descriptor, sizeof descriptor);
  }
  // It reads at once or it hangs: a full buffer is not waited for.
  if (::sendmsg(control_.native_handle(), &message, MSG_NOSIGNAL) < 0)
    fail(std::string("cannot reach the keeper: ") + std::strerror(errno));
}

void Keeper::listen() {
  control_.async_wait(boost::asio::posix::descriptor_base::wait_read, [this, run = run_](const auto& error) {
    if (!error && run == run_) receive();
  });
}

void Keeper::receive() {
  const std::uint64_t run = run_;
  for (;;) {
    Control control;
    const ssize_t n = ::recv(control_.native_handle(), &control, sizeof control, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) break;
    if (n != sizeof control) {
      fail(n == 0 ? "the keeper ended" : "the keeper said something odd");
      return;
    }
    control.note.back() = '\0';
    switch (control.kind) {
      case Control::Kind::ready:
        if (control.number != kProtocolVersion) {
          fail("cpmstore-adapt is of another version");
          return;
        }
        events_.ready(control.note.data());
        break;
      case Control::Kind::started: events_.started(control.worker, control.number); break;
      case Control::Kind::ended: events_.ended(control.worker, control.number); break;
      case Control::Kind::start:
      case Control::Kind::kill: fail("the keeper said something odd"); return;
    }
    if (run != run_ || !control_.is_open()) return;
  }
  listen();
}

void Keeper::fail(std::string why) {
  read_log();  // perhaps its last words
  end();
  ++run_;
  boost::asio::post(io_, [this, run = run_, why = std::move(why)] {
    if (run == run_) events_.lost(why);
  });
}

void Keeper::listen_log() {
  log_.async_wait(boost::asio::posix::descriptor_base::wait_read, [this, run = run_](const auto& error) {
    if (error || run != run_) return;
    read_log();
    if (log_.is_open()) listen_log();
  });
}

void Keeper::read_log() {
  char block[4096];
  for (int rounds = 0; rounds < 16 && log_.is_open(); ++rounds) {
    const ssize_t n = ::read(log_.native_handle(), block, sizeof block);
    if (n == 0) {
      boost::system::error_code ignored;
      log_.close(ignored);
    }
    if (n <= 0) return;
    for (const char c : std::string_view(block, static_cast<std::size_t>(n))) {
      if (c == '\n') {
        log_line(line_);
        line_.clear();
      } else if (line_.size() < kLine) {
        line_.push_back(c >= ' ' && c <= '~' ? c : '?');
      }
    }
  }
}

void Keeper::log_line(std::string_view line) {
  const auto now = std::chrono::steady_clock::now();
  if (now - minute_ >= std::chrono::minutes(1)) {
    if (unsaid_ > 0) log::warn("adapt", "more lines of workers", {{"count", std::to_string(unsaid_)}});
    minute_ = now;
    allowed_ = kLinesPerMinute;
    unsaid_ = 0;
  }
  if (allowed_ == 0) {
    ++unsaid_;
    return;
  }
  --allowed_;
  log::warn("adapt", "a worker says", {{"text", std::string(line)}});
}

}  // namespace cpm::adapt
