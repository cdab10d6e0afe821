// Session: one client's state: who it is, what it enabled, what it has selected. One coroutine on one strand; commands
// run one at a time, in order (dispatcher.h). It owns its View and Out; services outlive it.
// Runs on: session strand.
#pragma once

#include "base/limits.h"
#include "base/result.h"
#include "base/stream.h"
#include "imap/extension.h"
#include "imap/registry.h"
#include "imap/response/out.h"
#include "imap/session/change_hub.h"
#include "imap/session/snapshot.h"
#include "imap/session/view.h"
#include "imap/wire/command_reader.h"
#include "schema/database.h"
#include "schema/together.h"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace cpm::imap {

namespace auth {
class Authenticator;
}
class SessionList;
class Language;
class Contexts;
struct Notify;

struct Settings {
  bool allow_plaintext = false;       // LOGIN and PLAIN without TLS
  std::vector<std::string> disabled;  // extensions switched off
  std::string spool_directory;
  std::vector<std::string> history_roots;  // paths below which conversation histories stand
  bool containment = false;                // what may stand in them is checked (session/containment.h)
  std::string server_name = "cpmstore";
  std::string language = "i-default";        // what LANGUAGE "default" means (RFC 5255 3.2)
  std::string server_admin, server_comment;  // annotations of the server that clients cannot change; may be empty
  bool trace = false;                        // protocol trace of every session, redacted
  bool quota_set_by_owner = false;           // SETQUOTA of users themselves; `full` services may in any case
  // IMAP URLs (docs/decisions/0028-url-access.md).
  enum class UrlMechanisms { protected_only, always, never };
  // The record of changes (schema/audit.h).
  struct Record {
    bool on = false;
    bool logins = false;         // log-ins and log-outs too
    bool keeps_removed = false;  // what is expunged can be restored for a while
    std::string node;            // how this node is called there
  } record;
  std::vector<std::string> url_hosts;                            // names of this server, lower case; empty: any
  std::vector<std::string> url_applications;                     // "stream=service name"
  UrlMechanisms url_mechanisms = UrlMechanisms::protected_only;  // when URLMECH is told (RFC 4467 8)
};

// What every session uses; made by server/, outlives all sessions.
struct Services {
  const Limits& limits;
  const Settings& settings;
  const Registry& registry;
  schema::Database& db;
  SnapshotCache& snapshots;
  ChangeHub& hub;
  auth::Authenticator& authenticator;
  Pool& cpu;  // password hashing and other CPU work
  SessionList& sessions;
  // Called after each command: name, "ok" | "no" | "bad", how long it took. May be empty.
  std::function<void(std::string_view command, std::string_view result, std::chrono::nanoseconds time)> observe;
};

// Features that change how the session writes; asked only in wire, updates and response.
struct Enabled {
  bool condstore = false;
  bool knows_closed = false;  // by ENABLE of what has CLOSED, not by a parameter of SELECT (decision 0027)
  bool utf8 = false;          // UTF8=ACCEPT
  bool rev2 = false;          // IMAP4rev2
  bool qresync = false;       // VANISHED instead of EXPUNGE
  bool uid_only = false;      // VANISHED and UIDFETCH: no message numbers either way
  bool deposit_once = false;  // X-CPM-ONCE: APPEND of what is there already answers with its UID
};

// What this identity may change permanently (RFC 4314 4).
struct FlagRights {
  std::uint32_t changeable = 0;  // schema::FlagBit
  bool keywords = false;
  bool operator==(const FlagRights&) const = default;
};

// How far the running command is, in messages (RFC 9585 4).
struct Progress {
  std::optional<std::uint64_t> done;  // none: it does not count
  std::uint64_t goal = 0;             // 0: not known
};

// What others changed in annotations is told (RFC 5464 4.4).
struct MetadataNews {
  bool enabled = false;  // of all, by ENABLE METADATA; else what NOTIFY asks for
  std::unique_ptr<ChangeHub::Watch> watch;
  std::optional<std::int64_t> told_up_to;  // number of the newest change that is known; none before the first look
  std::set<std::int64_t> own;              // changes of this session after it: not news
};

// New messages that were told by EXISTS, and what FETCH is to tell of them.
struct Unfetched {
  UidSet uids;
  FetchItems items;
};

struct Selected {
  View view;
  bool read_only = false;
  FlagRights rights;
  UidSet recent;  // \Recent here: this session was the first to be told of them (RFC 3501 2.3.2)
  // Flags that FETCH has told and that are newer than those of the view: what the client now believes.
  std::map<std::uint32_t, schema::MessageFlags> told;
  std::unique_ptr<ChangeHub::Watch> watch;
  ModSeq told_up_to;   // the client was told of every change up to here
  ModSeq modseq_said;  // the greatest MODSEQ that the running command said
  // Searches whose results are kept up to date (contexts.h); null while there are none. Nobody else holds them.
  std::shared_ptr<Contexts> contexts;
  // NOTIFY: flag changes above it were not told, because FlagChange is not asked for.
  std::optional<ModSeq> flags_told_up_to;
  UidSet made;  // messages that this session put here and has not been told of; only while somebody asks
  // What NOTIFY and UPDATE (RFC 5465 5.2, 7) ask for; stays when a FETCH fails.
  std::vector<Unfetched> unfetched;
  bool annotate = false;                   // SELECT (ANNOTATE): changes of annotations are told (RFC 5257 4.4)
  ModSeq annotations_told;                 // … up to here
  std::set<std::int64_t> annotations_own;  // MODSEQs above it of this session's changes: not news
};

// A deposit among those of other sessions.
template <class Function, class R>
struct DepositWork final : schema::Together::Work {
  explicit DepositWork(Function f) : function(std::move(f)) {}
  bool run(schema::Transaction& tx) override {
    result.reset();
    tx.quota_news() = {};
    result.emplace(function(tx));
    news = tx.quota_news();
    return result->has_value();
  }
  [[nodiscard]] bool refused() const override { return result && !result->has_value(); }
  void fail(const Error& error) override { result.emplace(error); }
  Function function;
  std::optional<R> result;
  schema::QuotaNews news;
};

class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(Services& services, std::unique_ptr<Stream> stream, std::string id);
  ~Session();

  Services& services;
  const std::string id;  // short, unique: on every log line
  std::unique_ptr<Stream> stream;
  Out out;
  State state = kNotAuthenticated;
  std::optional<schema::Principal> principal;  // set while authenticated
  Enabled enabled;
  std::optional<Selected> selected;  // set while state == kSelected
  std::optional<MetadataNews> metadata_news;
  const Language* language = nullptr;                // of texts for people; null: i-default (RFC 5255 3)
  Collation collation = Collation::unicode_casemap;  // COMPARATOR (RFC 5255 4.7)
  UidSet saved_search;                               // SEARCHRES `$` (RFC 5182)
  // Which reading is recorded, and when that is looked up again (read_record.h).
  enum class Reads { off, select, fetch } reads = Reads::off;
  std::chrono::steady_clock::time_point reads_until;
  std::string client_id;           // RFC 2971, for the log
  bool read_report_known = false;  // the session stored or searched \read-report-sent (MSS-86)
  bool terminated = false;  // ended by an admin, by shutdown or because the mailbox is gone: BYE at the next safe point
  std::string terminate_text;
  bool mid_response = false;  // a response is sent in part: only its rest may follow, or the end of the connection
  boost::asio::steady_timer cut_off;  // ends a session that does not come to its end after terminate
  bool waiting = false;               // in a read that wake() may interrupt
  bool trace = false;
  std::string traced_tag;  // of the running command, when the trace may show it
  std::string tag;         // of the running command (ESEARCH names it)
  Progress progress;       // of the running command
  // The running command worked on the messages with the greatest UIDs only, down to this one (RFC 9738).
  std::optional<Uid> limited_at;
  UidSet echo;    // STORE: tell the flags of these with the updates
  UidSet silent;  // STORE.SILENT: changed by this command, only the MODSEQ is told
  ModSeq silent_modseq;
  bool annotate_next = false;               // the running SELECT has the parameter ANNOTATE
  std::vector<schema::Admission> admitted;  // by the running command: asked for again by each of its pieces
  schema::QuotaNews quota_news;             // of the running command: told with its answer (quota_news.h)
  UidSet removed;                           // from the selected mailbox by commands of this session; not told yet
  std::unique_ptr<Notify> notify;           // since the first NOTIFY (RFC 5465); null before

  [[nodiscard]] const Limits& limits() const { return services.limits; }
  [[nodiscard]] bool utf8() const { return enabled.utf8 || enabled.rev2; }
  [[nodiscard]] ParseContext parse_context() const;
  // Runs `function(Transaction&)` with the session's deadline; the only way handlers reach SQL.
  template <class Function, class R = std::invoke_result_t<Function&, schema::Transaction&>>
  boost::asio::awaitable<R> db(Function function, schema::Mode mode = schema::Mode::transaction) {
    struct Noted {
      schema::QuotaNews news;
      std::vector<schema::Admission> admitted;
    };
    auto noted = std::make_shared<Noted>();
    auto noting = [function = std::move(function), noted](schema::Transaction& tx) mutable -> R {
      R made = function(tx);
      *noted = {tx.quota_news(), tx.admitted()};
      return made;
    };
    R result = co_await services.db.run(wall(), services.limits.command_deadline, std::move(noting), mode);
    hear(noted->news, result.has_value());
    note_admitted(noted->admitted);
    co_return result;
  }
  // The same for a deposit into a mailbox of `account`: with those of other sessions (schema/together.h).
  template <class Function, class R = std::invoke_result_t<Function&, schema::Transaction&>>
  boost::asio::awaitable<R> db_together(AccountId account, std::string path, std::int64_t order, std::uint64_t octets,
                                        Function function, schema::Mode alone) {
    auto work = std::make_shared<DepositWork<Function, R>>(std::move(function));
    work->path = std::move(path);
    work->order = order;
    work->octets = octets;
    work->alone = alone;
    std::shared_ptr<schema::Together::Work> shared = work;
    co_await services.db.together().run(account, services.limits.command_deadline, std::move(shared));
    hear(work->news, work->result->has_value());
    co_return std::move(*work->result);
  }

  // What the session may see: its account, and for the running command those owners that were let in before.
  [[nodiscard]] schema::Wall wall() const;
  void note_admitted(const std::vector<schema::Admission>& admitted);

  // -- login and selection
  void log_in(schema::Principal who);
  // The record says from here on what the client says it is, and begins a session anew after a day.
  void renew_actor();
  // Writes into the record that the session began or ended; only when that is configured.
  boost::asio::awaitable<Result<void>> record_login(std::string mechanism);
  boost::asio::awaitable<void> record_logout(std::string why);
  void log_out();  // UNAUTHENTICATE: back to the greeting's state
  void select(std::shared_ptr<const Snapshot> snapshot, bool read_only, FlagRights rights, UidSet recent);
  void unselect();
  // With a mailbox selected the first time is answered by HIGHESTMODSEQ (RFC 7162 3.1): not in the middle of a
  // response.
  void enable_condstore();
  void enable_qresync();  // and CONDSTORE (RFC 7162 3.2.3)
  void enable_utf8();
  void enable_rev2();
  void enable_uid_only();
  void enable_metadata();
  void watch_metadata();                 // for ENABLE METADATA or NOTIFY: metadata_news begins
  void speak(const Language* language);  // null: i-default

  // -- after the commit of what this session did: tells all who watch, here and on other nodes. What the client did
  // itself NOTIFY does not tell it (RFC 5465 5).
  // REQUIRES: the change took at least one MODSEQ of the mailbox. `made`: the UIDs it gave.
  void changed(schema::MailboxRef mailbox, const UidSet& made = {});
  // A mailbox name that exists now, its parents included, or does not any more.
  void name_made(const std::string& path);
  void name_removed(const std::string& path);
  void subscription_changed(const std::string& path, bool on);
  void names_changed(
      AccountId account = {});  // whose mailboxes; none: one's own. … and who watches is told when all are said

  // A line outside the command grammar (AUTHENTICATE, IDLE), without its end; sends what is buffered first.
  // Failure::timeout; in_use: woken up, nothing lost; unavailable: closed; limit: too long.
  boost::asio::awaitable<Result<std::string>> read_line(std::chrono::milliseconds patience);

  // Tells the session, from any thread, to look for changes: it leaves IDLE's wait.
  [[nodiscard]] std::function<void()> waker();

  wire::CommandReader reader;

 private:
  // What a transaction said of quotas; a level counts when it was committed.
  void hear(const schema::QuotaNews& news, bool committed);
};

// A long command stops with this when its session is `terminated`.
[[nodiscard]] Error being_ended();

// The whole life of one connection: greeting, commands, BYE. Returns when the connection may be closed.
boost::asio::awaitable<void> serve(Services& services, std::unique_ptr<Stream> stream);

}  // namespace cpm::imap
