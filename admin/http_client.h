// One HTTP/1.1 request to the server's own endpoint, over loopback and in the clear: what cpmctl session speaks.
// Runs on: the main thread; blocks until the answer or the deadline.
#pragma once

#include "base/config_value.h"
#include "base/result.h"

#include <chrono>
#include <string>

namespace cpm::admin {

struct HttpAnswer {
  unsigned status = 0;
  std::string body;
};

// `bearer` goes into Authorization (RFC 6750 2.1). Failure::unavailable when nobody answers, timeout after `patience`.
[[nodiscard]] Result<HttpAnswer> http_request(const Endpoint& server, const std::string& method,
                                              const std::string& target, const std::string& bearer,
                                              std::chrono::milliseconds patience);

}  // namespace cpm::admin
