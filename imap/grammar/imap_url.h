// IMAP URLs (RFC 5092, access identifiers as RFC 5593 extends them): text ⇄ struct. Strict: what the grammar does not
// allow is refused, and so are dot-segments ("." and ".." that are not percent-encoded) and relative paths that name a
// mailbox (RFC 5092 7.2). Mailbox and user are UTF-8, decoded.
// Runs on: any thread. Values.
#pragma once

#include "base/limits.h"
#include "base/result.h"
#include "imap/grammar/section.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace cpm::imap::grammar {

// A mailbox name of Limits::mailbox_name_octets is three times as long when each octet is percent-encoded.
inline constexpr std::size_t kMostUrlOctets = 8192;

struct UrlServer {
  std::optional<std::string> user;
  std::optional<std::string> mechanism;  // ;AUTH=, "*" for any
  std::string host;                      // lower case; an IP literal with its brackets
  std::optional<std::uint16_t> port;
  bool operator==(const UrlServer&) const = default;
};

struct UrlAccess {
  std::string application;          // lower case: submit, user, authuser, anonymous, or as registered (RFC 5593 3.3)
  std::optional<std::string> user;  // what follows "+"
  bool operator==(const UrlAccess&) const = default;
};

struct UrlVerifier {
  std::string mechanism;  // upper case
  std::string token;      // at least 32 hexadecimal digits, as written
  bool operator==(const UrlVerifier&) const = default;
};

struct UrlPartial {
  std::uint64_t offset = 0;
  std::optional<std::uint64_t> length;  // not 0; none: to the end
  bool operator==(const UrlPartial&) const = default;
};

struct ImapUrl {
  bool has_scheme = false;             // else a relative reference: "//host/…", "/mailbox…" or ";UID=…"
  std::optional<UrlServer> server;     // none: that of the base URL
  std::optional<std::string> mailbox;  // none: a whole server; or, with a UID, that of the base URL
  std::optional<std::uint32_t> uidvalidity;
  std::optional<std::string> search;  // "?…", not interpreted
  std::optional<std::uint32_t> uid;
  std::optional<Section> section;
  std::optional<UrlPartial> partial;
  std::optional<std::chrono::sys_seconds> expire;  // the last second in which it is valid
  std::optional<UrlAccess> access;                 // ;URLAUTH=
  std::optional<UrlVerifier> verifier;             // only with access
  bool operator==(const ImapUrl&) const = default;
};

// Failure::invalid, with a text fit for a client.
[[nodiscard]] Result<ImapUrl> parse_imap_url(std::string_view text, const Limits& limits);

// What parse_imap_url() reads back as the same. Parameters are spelled in capitals, and all that may mean something to
// somebody is percent-encoded.
[[nodiscard]] std::string to_string(const ImapUrl& url);

// The text that a token is made of: without ":mechanism:token" (RFC 4467 6). REQUIRES: `url` was parsed from `text`.
[[nodiscard]] std::string_view rump_of(std::string_view text, const ImapUrl& url);

// A URL as BADURL may carry it: what a response code cannot hold is percent-encoded (RFC 4469 5).
[[nodiscard]] std::string url_for_code(std::string_view text);

// A text with URLs as it may be logged: the tokens are left out, for whoever has one may use the URL.
[[nodiscard]] std::string without_tokens(std::string_view text);

}  // namespace cpm::imap::grammar
