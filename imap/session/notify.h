// Notify: what a session asked for with NOTIFY (RFC 5465), and telling it: between commands, in IDLE and before the end
// of a command. A session has one from its first NOTIFY on; then only what was asked for is told.
// Nothing is queued: wake-ups mark (ChangeHub), and a look reads what is so now.
// Runs on: session strand. Owned by the session.
#pragma once

#include "imap/session/session.h"
#include "imap/session/watch_list.h"

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <vector>

namespace cpm::imap {

struct Notify {
  // -- the selected mailbox, whichever it is (RFC 5465 6.1)
  enum class Selected {
    nothing,    // its client is told of nothing but what its own commands do
    delayed,    // EXPUNGE only where a command allows it
    immediate,  // EXPUNGE at any time
  };
  Selected selected = Selected::nothing;
  bool flags = false;        // FlagChange there
  bool annotations = false;  // AnnotationChange there
  // FETCH for new messages; null when nothing of them is asked for.
  std::shared_ptr<const FetchItems> fetch_new;
  bool failed = false;    // the last look at it did
  bool catch_up = false;  // the next look tells all that accumulated in the selected mailbox (3.1)

  // -- all others
  std::optional<WatchList> others;  // one's own
  // What another account shares. One that shares nothing any more stays here.
  struct Share {
    explicit Share(WatchList wanted) : list(std::move(wanted)) {}
    WatchList list;
    std::unique_ptr<ChangeHub::AccountWatch> watch;
    bool everything = true;                        // to be looked at as a whole
    std::optional<std::chrono::sys_seconds> ends;  // then a right ends: also to be looked at
  };
  std::map<AccountId, Share> shares;
  bool all_shares = false;                         // whoever shares something is to be looked at, and who that is
  bool metadata = false;                           // others->wants_metadata()
  std::unique_ptr<ChangeHub::AccountWatch> watch;  // with `others`
  bool everything = false;                         // the last look failed: all is to be looked at
  std::vector<schema::MailboxRef> left;            // unselected since the last look
  OwnChanges own;
};

// How long a session may wait though nothing is marked, until rights end by themselves. At most `most`.
[[nodiscard]] std::chrono::milliseconds until_rights_end(const Session& session, std::chrono::milliseconds most);

// Whether other mailboxes than the selected one are marked.
[[nodiscard]] bool others_wait(const Session& session);

// Whether a look between two commands would find something.
[[nodiscard]] bool news_waits(const Session& session);

// Tells what is new: of the selected mailbox if the session wants it unasked, and of the others. `everything`: marked
// or not, should a wake-up be lost. Failure::not_found: the selected mailbox is gone. REQUIRES: session.notify.
boost::asio::awaitable<Result<void>> tell_news(Session& session, bool everything);

// The same of the other mailboxes alone. Does nothing without NOTIFY.
boost::asio::awaitable<Result<void>> tell_others(Session& session, bool everything = false);

// The first look of a new NOTIFY SET. Failure::limit: too many mailboxes; nothing is told then.
boost::asio::awaitable<Result<News>> first_look(Session& session, Notify& notify);

// From now on this is what the session asked for. REQUIRES: session.metadata_news, when it wants news of annotations.
void set_notify(Session& session, std::unique_ptr<Notify> notify);

// The spelling: LIST (RFC 5465 5.4, 5.5) and STATUS (5.1 to 5.3).
void tell_name(Session& session, const NameNews& news);
void tell_counters(Session& session, const CounterNews& news);

}  // namespace cpm::imap
