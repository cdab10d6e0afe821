// URLs that carry their own permission (RFC 4467, mechanism INTERNAL): the keys they are signed with, one for each user
// and mailbox, and what a signed URL permits. Whoever issued a URL must still be able to read what it names when it is
// used: the issuer's rights are read in the same transaction (docs/decisions/0028-url-access.md).
// Runs on: db thread.
#pragma once

#include "base/result.h"
#include "schema/access.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cpm::schema {

// The token of a URL: hexadecimal, the first two digits say how the rest was made. The key is made when there is none.
// REQUIRES: grant holds kRead and is of `issuer`.
[[nodiscard]] Result<std::string> make_url_token(Transaction& tx, const Principal& issuer, const Grant& grant,
                                                 std::string_view rump);

// What a URL says of itself.
struct SignedUrl {
  std::string user;                          // who issued it
  std::string path;                          // canonical path of the mailbox, in the issuer's store
  std::optional<std::uint32_t> uidvalidity;  // as the URL has it
  std::string rump;                          // what was signed
  std::string token;
};
// The issuer's own right to read, when the token is right. Failure::not_found for everything that is wrong: no such
// user, one who may not log in, no such mailbox, another one of that name, no key, another token. The same work is done
// whatever it is.
[[nodiscard]] Result<Grant> authorize_by_url(Transaction& tx, const SignedUrl& url);

// A new key, so that URLs into this mailbox are void. REQUIRES: grant is of `who`.
void reset_url_key(Transaction& tx, const Principal& who, const Grant& grant);
// All keys of the user; the mailboxes that had one.
[[nodiscard]] std::vector<MailboxRef> remove_url_keys(Transaction& tx, const Principal& who);

// Whether `user` is an address of the store that `who` acts on.
[[nodiscard]] bool is_self(Transaction& tx, const Principal& who, std::string_view user);
// Whether `who` is a service that may act for `user` now. There need not be such a user (RFC 5092 6.1.2).
[[nodiscard]] bool is_service_for(Transaction& tx, const Principal& who, std::string_view user);

}  // namespace cpm::schema
