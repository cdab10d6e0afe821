// ENVELOPE of a message from its header block (RFC 9051 7.5.2): raw text, encoded words kept as they are.
// Broken addresses give something sensible, and so do URIs, which RCS puts into From and To:
//   <sip:alice@example.net>  mailbox "sip:alice", host "example.net"
//   tel:+33600000002         mailbox "tel:+33600000002", host "" (a NIL host would be a group, so it is never used
//   here)
// Runs on: any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cpm::imap::mime {

// One address or group marker. Start of a group: mailbox = its name, no host. End: neither mailbox nor host.
struct Address {
  std::optional<std::string> name;     // display name or comment, quoting removed, encoded words kept
  std::optional<std::string> route;    // RFC 822 source route, "@a,@b"
  std::optional<std::string> mailbox;  // local part, quoting removed
  std::optional<std::string> host;

  bool operator==(const Address&) const = default;
};
using Addresses = std::vector<Address>;

struct Envelope {
  std::optional<std::string> date;  // nullopt: field absent; empty: present but empty
  std::optional<std::string> subject;
  Addresses from, sender, reply_to, to, cc, bcc;  // sender and reply_to default to from
  std::optional<std::string> in_reply_to;
  std::optional<std::string> message_id;

  bool operator==(const Envelope&) const = default;
};

// At most this many entries of one field are kept; the octets of the header are of course all kept.
inline constexpr std::size_t kMaxAddresses = 10000;

// An address list as in From, To, … ; `value` may be folded. Never fails.
[[nodiscard]] Addresses parse_addresses(std::string_view value);

[[nodiscard]] Envelope parse_envelope(std::string_view header_block);

}  // namespace cpm::imap::mime
