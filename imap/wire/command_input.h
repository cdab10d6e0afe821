// One complete client command: its line octets and, beside them, its literals in the order announced.
// RFC 9051 4.3 (literal), RFC 7888 (non-synchronising), RFC 3516 (literal8).
// Runs on: session strand.
#pragma once

#include "base/spool.h"

#include <string>
#include <vector>

namespace cpm::imap::wire {

struct Literal {
  Spool data;
  bool binary = false;    // literal8
  bool non_sync = false;  // {n+}
  bool has_nul = false;   // noted while it arrived, so that large ones need not be read again
};

struct CommandInput {
  std::string text;               // announcements stay in it, each followed by CRLF; the final line end is gone
  std::vector<Literal> literals;  // one for each announcement in text
};

}  // namespace cpm::imap::wire
