// Which mailbox is what in the mailbox layouts of both generations (cpm-message-storage 1.11, 2): below a root, the
// first level is a conversation history, named by its Conversation-ID or by the other party's address; the second a
// session history, named by its Contribution-ID. Also the canonical form of addresses, by which conversations are
// compared. Pure. Runs on: any thread.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace cpm::imap::cpm_objects {

// A mailbox, seen as a place for CPM objects.
struct Place {
  enum class Kind { none, root, conversation, session };  // none: a user folder, or not of CPM
  Kind kind = Kind::none;
  std::string conversation;  // name of the conversation history's mailbox; empty unless conversation or session
  std::string session;       // name of the session history's mailbox (deeper levels count to it)
};

// `path`: canonical, UTF-8. `roots`: paths of the roots (configuration key cpm.roots), compared exactly.
[[nodiscard]] Place place_of(std::string_view path, std::span<const std::string> roots);

// An address as people are reached by: tel:+E164 (also of a bare number with +, and of sip: with a number as user),
// sip:user@host and sips: as sip:, mail-like addresses; scheme and host in lower case, without angle brackets, display
// name, parameters and visual separators. Nothing: not an address, or an anonymous one (…@anonymous.invalid).
[[nodiscard]] std::optional<std::string> canonical_address(std::string_view text);

// What the conversation of an object is called: the party of a one-to-one history (a mailbox named by an address), else
// the Conversation-ID (in its canonical form if it is an address), else the name of the history's mailbox; empty: none
// of these.
[[nodiscard]] std::string conversation_name(const Place& place, std::string_view conversation_id);

}  // namespace cpm::imap::cpm_objects
