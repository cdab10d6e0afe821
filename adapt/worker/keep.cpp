// cpmstore-adapt: the keeper of the media workers. Loads the decoders, then makes a jailed worker by fork() whenever
// the server asks for one over descriptor 3, kills it when told to, and tells how it ended. See adapt/keeper.h.
#include "adapt/protocol.h"
#include "adapt/worker/jail.h"
#include "adapt/worker/serve.h"
#include "adapt/worker/work.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <exception>
#include <map>
#include <string>
#include <string_view>

namespace {

using namespace cpm::adapt;
using namespace cpm::adapt::worker;

constexpr int kControl = 3;
constexpr int kJob = 4;  // in a worker

bool read_argument(std::string_view argument, Bounds& bounds) {
  const std::size_t equals = argument.find('=');
  if (equals == std::string_view::npos) return false;
  const std::string_view name = argument.substr(0, equals);
  const std::string_view text = argument.substr(equals + 1);
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return false;
  if (name == "--memory")
    bounds.memory = value;
  else if (name == "--pixels")
    bounds.pixels = value;
  else if (name == "--frames")
    bounds.frames = value;
  else if (name == "--duration")
    bounds.duration = std::chrono::seconds(value);
  else if (name == "--cpu")
    bounds.cpu = value;
  else if (name == "--octets")
    bounds.octets = value;
  else if (name == "--result-octets")
    bounds.result_octets = value;
  else
    return false;
  return true;
}

class KeeperLoop {
 public:
  KeeperLoop(const Bounds& bounds, int signals, Work work) : bounds_(bounds), signals_(signals), work_(work) {}

  // Until the server is gone.
  void run() {
    for (;;) {
      std::array<pollfd, 2> wait{{{kControl, POLLIN, 0}, {signals_, POLLIN, 0}}};
      if (::poll(wait.data(), wait.size(), -1) < 0 && errno != EINTR) return;
      if (wait[1].revents != 0) reap();
      if (wait[0].revents != 0 && !receive()) return;
    }
  }

  static void say(Control::Kind kind, std::uint64_t worker, std::int32_t number, const std::string& note = {}) {
    Control control;
    control.kind = kind;
    control.worker = worker;
    control.number = number;
    std::strncpy(control.note.data(), note.c_str(), control.note.size() - 1);
    if (::send(kControl, &control, sizeof control, MSG_NOSIGNAL) < 0) ::_exit(0);
  }

 private:
  bool receive() {
    Control control;
    iovec data{&control, sizeof control};
    msghdr message{};
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> ancillary{};
    message.msg_control = ancillary.data();
    message.msg_controllen = ancillary.size();
    const ssize_t n = ::recvmsg(kControl, &message, MSG_CMSG_CLOEXEC);
    if (n < 0 && errno == EINTR) return true;
    if (n != sizeof control) return false;
    int socket = -1;
    if (cmsghdr* head = CMSG_FIRSTHDR(&message); head != nullptr && head->cmsg_type == SCM_RIGHTS)
      std::memcpy(&socket, CMSG_DATA(head), sizeof socket);
    if (control.kind == Control::Kind::start && socket >= 0) start(control.worker, socket);
    if (control.kind == Control::Kind::kill) {
      const auto it = alive_.find(control.worker);
      if (it != alive_.end()) ::kill(it->second, SIGKILL);
    }
    if (socket >= 0) ::close(socket);
    return true;
  }

  void start(std::uint64_t worker, int socket) {
    const pid_t keeper = ::getpid();
    const pid_t pid = ::fork();
    if (pid == 0) become_worker(keeper, socket);
    if (pid < 0) {
      say(Control::Kind::ended, worker, errno << 8);
      return;
    }
    alive_[worker] = pid;
    say(Control::Kind::started, worker, pid);
  }

  [[noreturn]] void become_worker(pid_t keeper, int socket) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != keeper) ::_exit(0);
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::close(kControl);
    if (socket != kJob) ::dup2(socket, kJob);
    ::close_range(kJob + 1, ~0U, 0);
    close_jail({bounds_.memory, bounds_.cpu, kJob});
    ::_exit(serve(kJob, bounds_, work_));
  }

  void reap() {
    signalfd_siginfo info;
    while (::read(signals_, &info, sizeof info) == sizeof info) {
    }
    int status = 0;
    pid_t pid = 0;
    while ((pid = ::waitpid(-1, &status, WNOHANG)) > 0) {
      for (auto it = alive_.begin(); it != alive_.end(); ++it) {
        if (it->second != pid) continue;
        say(Control::Kind::ended, it->first, status);
        alive_.erase(it);
        break;
      }
    }
  }

  const Bounds& bounds_;
  int signals_;
  Work work_;
  std::map<std::uint64_t, pid_t> alive_;
};

}  // namespace

namespace cpm::adapt::worker {

int keep(int argc, char** argv, Work work) {
  Bounds bounds;
  for (int i = 1; i < argc; ++i) {
    if (!read_argument(argv[i], bounds)) {
      std::fprintf(stderr, "cpmstore-adapt is started by cpmstored; unknown: %s\n", argv[i]);
      return 2;
    }
  }
  int type = 0;
  socklen_t size = sizeof type;
  if (::getsockopt(kControl, SOL_SOCKET, SO_TYPE, &type, &size) != 0 || type != SOCK_SEQPACKET) {
    std::fprintf(stderr, "cpmstore-adapt is started by cpmstored, which gives it a socket to talk over\n");
    return 2;
  }
  try {
    const pid_t server = ::getppid();
    const std::string note = leave_the_world();
    // After the change of user, which forgets it. The server's thread that started us outlives us.
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != server) return 0;
    ::signal(SIGPIPE, SIG_IGN);
    sigset_t child;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    ::sigprocmask(SIG_BLOCK, &child, nullptr);
    const int signals = ::signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
    prepare(bounds);
    KeeperLoop::say(Control::Kind::ready, 0, kProtocolVersion, note);
    KeeperLoop(bounds, signals, work).run();
  } catch (const std::exception& problem) {
    std::fprintf(stderr, "cannot prepare: %s\n", problem.what());
    return 1;
  }
  return 0;
}

}  // namespace cpm::adapt::worker
