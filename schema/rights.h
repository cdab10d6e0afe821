// Rights of RFC 4314 2.1 as letters and as bits. The bits are persistent (table acl).
// Runs on: any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace cpm::schema {

using Rights = std::uint32_t;
enum Right : Rights {
  kLookup = 1U << 0,         // l
  kRead = 1U << 1,           // r
  kKeepSeen = 1U << 2,       // s
  kWrite = 1U << 3,          // w
  kInsert = 1U << 4,         // i
  kPost = 1U << 5,           // p
  kCreate = 1U << 6,         // k
  kDeleteMailbox = 1U << 7,  // x
  kDeleteMessage = 1U << 8,  // t
  kExpunge = 1U << 9,        // e
  kAdminister = 1U << 10,    // a
  kCopyOut = 1U << 11,       // 0: messages may be copied to where these rights do not reach; `r` brings it along
  kAnnotate = 1U << 12,      // n: shared annotations of messages (RFC 5257)
  kAllRights = (1U << 13) - 1,
};

// "lrswipkxtean0" of those that are there, each once; with `obsolete` also the virtual c and d, as MYRIGHTS, ACL and
// LISTRIGHTS must show them (RFC 4314 2.1.1): c with any of k and x, d with any of e and t.
[[nodiscard]] std::string rights_text(Rights rights, bool obsolete = true);

// None when a letter is no right (RFC 4314 3.1: BAD). c stands for kx, d for et.
[[nodiscard]] std::optional<Rights> rights_from(std::string_view text);

}  // namespace cpm::schema
