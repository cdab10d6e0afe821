// Octets that the base protocol cannot carry: a message deposited as literal8 may hold NUL (RFC 3516). Its parts with
// NUL are stored in base64, so that BODY and BODYSTRUCTURE are right for every client and BINARY gives the original
// octets back (RFC 3516 4.4, 6).
// Runs on: cpu thread or strand. Pure.
#pragma once

#include "base/limits.h"
#include "base/result.h"
#include "base/spool.h"

#include <string>

namespace cpm::imap {

[[nodiscard]] bool has_nul(ByteSource& source);

// The message with its NUL-bearing leaf parts in base64 and their Content-Transfer-Encoding fields replaced; all other
// octets as they were. Failure::unknown_cte when NUL stands outside such a part.
[[nodiscard]] Result<Spool> encode_binary_parts(ByteSource& source, const Limits& limits,
                                                const std::string& spool_directory);

}  // namespace cpm::imap
