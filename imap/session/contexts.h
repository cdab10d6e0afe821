// Searches whose results a session keeps up to date (RFC 5267 4.3): ADDTO and REMOVEFROM are told with the changes that
// cause them. A context holds the UIDs that the client takes for its results, 4 octets each and less where they follow
// each other; of what the order of a SORT compares nothing is kept. When changes are told, only messages that changed
// are looked at again, and a new one finds its place by a few reads of keys.
// OLDER and YOUNGER stay at the moment that the command meant (RFC 5032 2.3 leaves later ones to a new search).
// Runs on: session strand; statements on db threads.
#pragma once

#include "imap/grammar/search_program.h"
#include "imap/session/session.h"
#include "imap/session/sort.h"

#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cpm::imap {

struct SearchUpdate {
  std::string tag;             // of the command that asked
  bool uid = false;            // told as UIDs, else as message numbers
  bool names_mailbox = false;  // asked for by ESEARCH: its responses say which mailbox they are of (RFC 7377 2.1)
  SearchNode program;          // numbers and `$` frozen
  std::optional<SortOrder> order;
  Collation collation = Collation::unicode_casemap;  // with an order: that of the moment of the command
  UidSet members;                                    // the results, as the client was told
  std::vector<std::uint32_t> sorted;                 // the same in the order; empty without one
  std::shared_ptr<const FetchItems> fetch;           // told of new messages that are added (RFC 5465 7); may be null
};

// The searches of one session. Made by start_update, gone with the selected mailbox.
class Contexts {
 public:
  [[nodiscard]] bool has(std::string_view tag) const;
  [[nodiscard]] std::size_t octets() const;  // memory held
  std::vector<SearchUpdate> updates;
};

// What numbers mean is settled when the command comes (RFC 5267 4.3): message numbers and `$` become UIDs.
// REQUIRES: a mailbox is selected.
[[nodiscard]] SearchNode frozen(const Session& session, const SearchNode& program);

// Whether the running command's tag names a context already: then a command with UPDATE is BAD.
[[nodiscard]] bool update_tag_in_use(const Session& session);

// Keeps the results up to date from now on, or writes NO [NOUPDATE] when the session has too many contexts (4.3.1).
// To be called when the results are written. `update.tag` is set here. REQUIRES: !update_tag_in_use().
void start_update(Session& session, SearchUpdate update);
void refuse_update(Session& session, std::string_view why);  // NO [NOUPDATE] for the running command

// Ends the contexts of these tags; false, and nothing is done, when one is unknown.
[[nodiscard]] bool cancel_updates(Session& session, const std::vector<std::string>& tags);

// How one context changes when the view moves on.
struct ContextChange {
  std::size_t context = 0;  // index in Contexts::updates
  UidSet removed, added;
  UidSet gone;  // those of `removed` that vanished from the mailbox
  struct Insertion {
    std::size_t place;                // in the sorted list without `removed`, from 0
    std::vector<std::uint32_t> uids;  // in their order
  };
  std::vector<Insertion> insertions;  // with an order only; by rising place
};
struct ContextNews {
  std::vector<ContextChange> changes;
  std::vector<std::string> failed;  // tags of contexts that cannot be kept up to date any longer
};

// What moving the view to `latest` does to the contexts. Reads only; an Error means that it is not known yet.
boost::asio::awaitable<Result<ContextNews>> context_news(Session& session, std::shared_ptr<const Snapshot> latest);

// What contexts ask for of messages that are added; of those only the new ones are fetched.
[[nodiscard]] std::vector<Unfetched> asked_for(const Session& session, const ContextNews& news);

// REMOVEFROM of messages that vanished: before the view moves, so that message numbers are those the client knows.
void tell_gone(Session& session, const ContextNews& news);
// REMOVEFROM of all others: when their flags are told (RFC 5465 5.1).
void tell_removed(Session& session, const ContextNews& news);
// ADDTO: when new messages are told, after tell_removed. The contexts now hold what the client was told.
void tell_added(Session& session, const ContextNews& news);

}  // namespace cpm::imap
