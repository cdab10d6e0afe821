// Done: how a command ended. status.cpp alone maps a Failure to NO or BAD with its response code
// (RFC 9051 7.1, RFC 5530), so that "not visible" and "not existing" read the same everywhere.
// Runs on: any thread.
#pragma once

#include "base/error.h"

#include <string>

namespace cpm::imap {

struct Done {
  enum class Kind { ok, no, bad };
  enum class Next {
    nothing,
    start_tls,
    compress,
    logout,  // BYE first
    close,
    hang_up  // no tagged line at all: the session ends before the command could be answered
  };

  Kind kind = Kind::ok;
  std::string code;           // without brackets: "APPENDUID 1 5"; empty for none
  std::string text;           // human readable, never empty on the wire
  std::string detail;         // for the log only
  Next next = Next::nothing;  // done by the dispatcher after the tagged line is sent
  bool told = false;          // of a NO: what was written stays, it says what failed (RFC 5259 9)
};

[[nodiscard]] Done ok(std::string text, std::string code = {});
[[nodiscard]] Done no(std::string text, std::string code = {});
[[nodiscard]] Done bad(std::string text, std::string code = {});
[[nodiscard]] Done failed(const Error& error);
// The same of commands that set annotations of messages, whose codes are their own (RFC 5257 4.5).
[[nodiscard]] Done annotations_failed(const Error& error);
[[nodiscard]] Done annotation_too_big();
[[nodiscard]] Done hang_up();

}  // namespace cpm::imap
