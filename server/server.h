// Server: owns everything, starts in order, stops in reverse: data directory, database, schema, TLS, listeners, HTTP.
// main.cpp only reads the command line.
// Runs on: the main thread (signals, the embedded database); sessions run on the
// io threads.
#pragma once

#include "base/config.h"
#include "base/result.h"

#include <functional>

namespace cpm::server {

// Runs until SIGTERM or SIGINT. The Error's text is for the terminal: what failed and what to do.
// `reload` reads the configuration again, for SIGHUP.
[[nodiscard]] Result<void> run_server(Config config, const std::function<Result<Config>()>& reload);

}  // namespace cpm::server
