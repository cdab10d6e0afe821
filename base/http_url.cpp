#include "base/http_url.h"

#include <algorithm>
#include <charconv>

namespace cpm {

namespace {

bool is_alnum(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }
bool is_host_char(char c) { return is_alnum(c) || c == '-' || c == '.' || c == '_'; }
bool is_literal_char(char c) { return is_alnum(c) || c == ':' || c == '.'; }
// RFC 3986 3.3, 3.4: pchar, "/" and "?"; what else there is in the world must be percent-encoded.
bool is_target_char(char c) {
  return is_alnum(c) || std::string_view("-._~%!$&'()*+,;=:@/?").find(c) != std::string_view::npos;
}

Error refused(std::string_view why) {
  return fail(Failure::invalid, "not an http or https URL that can be used: " + std::string(why));
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

}  // namespace

std::string HttpUrl::authority() const {
  const std::string name = host.find(':') == std::string::npos ? host : '[' + host + ']';
  return port == (tls ? 443 : 80) ? name : name + ':' + std::to_string(port);
}

std::string HttpUrl::origin() const {
  const std::string name = host.find(':') == std::string::npos ? host : '[' + host + ']';
  return (tls ? "https://" : "http://") + name + ':' + std::to_string(port);
}

Result<HttpUrl> parse_http_url(std::string_view text) {
  if (text.size() > kMostHttpUrlOctets) return refused("it is too long");
  HttpUrl url;
  const auto colon = text.find("://");
  std::string scheme(text.substr(0, colon == std::string_view::npos ? 0 : colon));
  std::transform(scheme.begin(), scheme.end(), scheme.begin(), lower);
  if (scheme != "http" && scheme != "https") return refused("it does not begin with https:// or http://");
  url.tls = scheme == "https";
  url.port = url.tls ? 443 : 80;
  std::string_view rest = text.substr(colon + 3);
  const auto path = rest.find_first_of("/?#");
  std::string_view authority = rest.substr(0, path);
  url.target = path == std::string_view::npos ? "/" : std::string(rest.substr(path));
  if (url.target.front() == '?') url.target.insert(0, "/");
  if (!std::all_of(url.target.begin(), url.target.end(), is_target_char))
    return refused("there is a character in it that must be percent-encoded, or a fragment");
  std::string_view port;
  if (!authority.empty() && authority.front() == '[') {
    const auto end = authority.find(']');
    if (end == std::string_view::npos) return refused("the IPv6 address has no end");
    url.host = authority.substr(1, end - 1);
    if (url.host.find(':') == std::string::npos || !std::all_of(url.host.begin(), url.host.end(), is_literal_char))
      return refused("the IPv6 address is none");
    port = authority.substr(end + 1);
  } else {
    const auto end = authority.find(':');
    url.host = authority.substr(0, end);
    if (url.host.empty() || url.host.size() > 253 || !std::all_of(url.host.begin(), url.host.end(), is_host_char))
      return refused("the host is no name and no address");
    port = end == std::string_view::npos ? std::string_view{} : authority.substr(end);
  }
  std::transform(url.host.begin(), url.host.end(), url.host.begin(), lower);
  if (!port.empty()) {
    port.remove_prefix(1);
    const auto [at, error] = std::from_chars(port.data(), port.data() + port.size(), url.port);
    if (error != std::errc() || at != port.data() + port.size() || url.port == 0) return refused("the port is none");
  }
  return url;
}

}  // namespace cpm
