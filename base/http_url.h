// URLs of receivers of push: http or https, RFC 3986 without user information and fragment. What is not plainly allowed
// is refused, so that no two readers of a URL can understand it differently.
// Runs on: any thread. Values.
#pragma once

#include "base/result.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace cpm {

struct HttpUrl {
  bool tls = false;
  std::string host;  // lower case; an IPv6 literal without its brackets
  std::uint16_t port = 0;
  std::string target;  // path and query, at least "/"

  [[nodiscard]] std::string authority() const;  // as Host says it: without the port when it is the usual one
  [[nodiscard]] std::string origin() const;     // scheme://host:port
};

inline constexpr std::size_t kMostHttpUrlOctets = 2000;

// Failure::invalid, with a text fit for a terminal or a client.
[[nodiscard]] Result<HttpUrl> parse_http_url(std::string_view text);

}  // namespace cpm
