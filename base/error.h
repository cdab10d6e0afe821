// Failure kinds and the Error value that every fallible function returns.
// `text` is safe to show to a client; `detail` goes to the log only. imap/status.cpp alone maps a
// Failure to NO/BAD and a response code (RFC 9051 7.1, RFC 5530), so a new kind is added there too.
// Runs on: any thread.
#pragma once

#include <string>
#include <utility>

namespace cpm {

enum class Failure {
  not_found,     // no such mailbox, message, account; also: not visible to this principal
  exists,        // the name is taken
  denied,        // visible, but the right is missing
  invalid,       // well-formed but impossible request (bad name, bad value)
  bad_syntax,    // could not be parsed: BAD
  bad_charset,   // SEARCH charset not known
  unknown_cte,   // BINARY cannot decode this part
  unsupported,   // legal, but not offered here
  limit,         // a configured bound was reached
  too_big,       // message or literal above the allowed size
  over_quota,    // the account's storage or message limit
  try_create,    // target mailbox is missing; the client may CREATE it
  in_use,        // somebody else holds it
  has_children,  // mailbox cannot be removed while it has inferior names
  use_attr,      // special-use attribute refused
  too_many,      // no room for another annotation (RFC 5464 4.3)
  no_filter,     // no usable SEARCH filter of that name, which is the text (RFC 5466 3.1)
  bad_url,       // a URL, which is the text, does not lead to a message or part of one (RFC 4469 4.1)
  expunged,      // some messages named by the command are gone
  auth_failed,   // wrong credentials or unknown user (never tell which)
  authz_failed,  // authenticated, but may not act as the requested identity
  locked_out,    // too many failures from this address or network
  unavailable,   // the database or another helper is away: nothing was done, try again
  in_doubt,      // the connection broke while a change was being committed: done or not, nobody knows
  timeout,       // deadline passed
  corrupt,       // stored data contradicts itself
  internal,      // our bug
};

struct Error {
  Failure failure = Failure::internal;
  std::string text;    // for the client
  std::string detail;  // for the log
};

[[nodiscard]] inline Error fail(Failure failure, std::string text, std::string detail = {}) {
  return Error{failure, std::move(text), std::move(detail)};
}

// "not_found", "over_quota", …: for logs and metric labels.
[[nodiscard]] const char* failure_name(Failure failure) noexcept;

}  // namespace cpm
