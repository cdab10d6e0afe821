// What an IMAP URL names, for this session: a message or a part of one, in its own store (CATENATE, RFC 4469 3), or in
// another one whose user permits it by a signed URL (RFC 4467). Who counts as what access identifier:
// docs/decisions/0028-url-access.md.
// Runs on: session strand.
#pragma once

#include "imap/grammar/imap_url.h"
#include "imap/mime/part_map.h"
#include "imap/session/session.h"
#include "schema/fetch.h"

#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <optional>
#include <string>

namespace cpm::imap {

struct UrlMessage {
  AccountId account;  // whose store it is in
  schema::MessageRow row;
  mime::PartMap parts;
  grammar::Section section;
  std::optional<grammar::Partial> partial;
};

// Both: Failure::not_found when the URL leads nowhere, whatever the reason is; other failures are the store's.
// `columns` besides those that the octets need.

// Without URLAUTH: of this server, user and, for ";UID=…", of the selected mailbox.
boost::asio::awaitable<Result<UrlMessage>> open_own_url(Session& session, grammar::ImapUrl url, std::uint32_t columns);

// With URLAUTH: the token is right, the time has not come, this session is among those that may, and the issuer could
// read it now. REQUIRES: `url` was parsed from `text`.
boost::asio::awaitable<Result<UrlMessage>> open_signed_url(Session& session, std::string text, grammar::ImapUrl url,
                                                           std::uint32_t columns);

// Whether a URL with this host may mean this server.
[[nodiscard]] bool is_this_server(const Settings& settings, const grammar::UrlServer& server);

// Whether an access identifier is one that URLs may be made for here.
[[nodiscard]] bool is_known_access(const Settings& settings, const grammar::UrlAccess& access);

[[nodiscard]] bool has_section(const mime::PartMap& parts, const grammar::Section& section);

// Whether URLMECH is told to this session (RFC 4467 8: not where somebody may listen, unless configured so).
[[nodiscard]] bool tells_url_mechanisms(const Session& session);

}  // namespace cpm::imap
