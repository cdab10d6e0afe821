// cpmctl: see admin/cli.h.
#include "admin/cli.h"

#include <unistd.h>

#include <csignal>
#include <iostream>

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);  // a closed pipe is seen as a failed write
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  const cpm::admin::Streams streams{std::cin, std::cout, std::cerr, ::isatty(STDIN_FILENO) == 1,
                                    ::isatty(STDERR_FILENO) == 1};
  return cpm::admin::run(arguments, streams, cpm::process_environment());
}
