// cpmstore-adapt with tasks that do what a worker must not be able to do: the declared type "test/…" says which. All
// other tasks are real ones.
#include "adapt/worker/keep.h"
#include "adapt/worker/work.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <string>
#include <vector>

namespace {

using namespace cpm::adapt;

// What each answers with if it is not killed: the result of the call.
long misbehave(const std::string& what) {
  if (what == "socket") return ::socket(AF_INET, SOCK_STREAM, 0);
  if (what == "open") return ::syscall(SYS_openat, AT_FDCWD, "/etc/passwd", O_RDONLY);
  if (what == "create") return ::syscall(SYS_openat, AT_FDCWD, "/tmp/from-the-jail", O_WRONLY | O_CREAT, 0600);
  if (what == "open-old") return ::syscall(SYS_open, "/etc/passwd", O_RDONLY);
  if (what == "fork") return ::fork();
  if (what == "clone3") return ::syscall(SYS_clone3, nullptr, 0);
  if (what == "exec") return ::execl("/bin/true", "true", nullptr);
  if (what == "ptrace") return ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
  if (what == "kill") return ::kill(::getppid(), 0);
  if (what == "connect") return ::connect(4, nullptr, 0);
  if (what == "memfd") return ::syscall(SYS_memfd_create, "x", 0);
  if (what == "read-other") return ::read(0, nullptr, 0);
  if (what == "executable")
    return ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED;
  if (what == "unlink") return ::unlink("/tmp/from-the-jail");
  if (what == "io_uring") return ::syscall(SYS_io_uring_setup, 1, nullptr);
  if (what == "setuid") return ::setuid(0);
  return -2;
}

Outcome act(const Task& task, const worker::Bounds& bounds, const std::function<void(const std::string&)>& found) {
  if (!task.declared.starts_with("test/")) return worker::work(task, bounds, found);
  const std::string what = task.declared.substr(5);
  if (what == "sleep") {
    for (volatile bool on = true; on;) {
    }
  }
  if (what == "rest") {
    for (const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(1);
         std::chrono::steady_clock::now() < until;) {
    }
    return Refused{Refusal::unsupported, "rested", {}, {}, {}};
  }
  if (what == "memory") {
    std::vector<std::string> taken;
    try {
      for (;;) taken.emplace_back(16 << 20, 'x');
    } catch (const std::bad_alloc&) {
      const std::size_t blocks = taken.size();
      taken.clear();
      return Refused{Refusal::too_large, std::to_string(blocks * 16), {}, {}, {}};
    }
  }
  if (what == "crash") ::raise(SIGKILL);
  if (what == "abort") ::abort();
  if (what == "nonsense") {
    const char text[] = "\xff\xff\xff\xff\x03nonsense";
    (void)!::write(4, text, sizeof text);
    for (volatile bool on = true; on;) {
    }
  }
  if (what == "lie") {
    // A result that this worker could not have made: a type with a line end in it.
    Converted done;
    done.type = "text/plain";
    done.found = "text/plain";
    done.facts["x"] = "a\r\nb";
    return done;
  }
  if (what == "chatter") {
    for (int i = 0; i < 20'000; ++i) (void)!::write(2, "chatter chatter chatter\n", 24);
    return Refused{Refusal::unsupported, "said it all", {}, {}, {}};
  }
  if (what == "fopen") {
    std::FILE* file = std::fopen("/etc/passwd", "r");
    return Refused{Refusal::unsupported, file == nullptr ? "no file" : "a file", {}, {}, {}};
  }
  const long result = misbehave(what);
  return Refused{Refusal::unsupported, "lives: " + std::to_string(result), {}, {}, {}};
}

}  // namespace

int main(int argc, char** argv) { return worker::keep(argc, argv, &act); }
