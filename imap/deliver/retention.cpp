#include "imap/deliver/retention.h"

#include "base/number_set.h"

#if __has_include("imap/cpm/layout.h") && !defined(CPMSTORE_PLAIN)
#include "imap/cpm/layout.h"
#define CPM_LAYOUT
#endif

#include <algorithm>

namespace cpm::imap {

namespace {

using namespace std::chrono_literals;
using schema::Mode;
using schema::OldMessage;
using schema::SweepLook;
using schema::Transaction;

constexpr auto kPatience = 60s;

enum class Kind { inbox, conversation, session, folder };

Kind kind_of(std::string_view path, [[maybe_unused]] std::span<const std::string> roots) {
  if (path == "INBOX") return Kind::inbox;
#ifdef CPM_LAYOUT
  switch (cpm_objects::place_of(path, roots).kind) {
    case cpm_objects::Place::Kind::conversation: return Kind::conversation;
    case cpm_objects::Place::Kind::session: return Kind::session;
    default: break;
  }
#endif
  return Kind::folder;
}

std::vector<std::uint32_t> uids_of(const std::vector<OldMessage>& messages) {
  std::vector<std::uint32_t> uids;
  for (const OldMessage& one : messages) uids.push_back(one.uid);
  return uids;
}

// One mailbox: looks, removes, looks on.
class MailboxSweep {
 public:
  MailboxSweep(schema::Database& database, const schema::Principal& who, const schema::MailboxRow& mailbox,
               schema::SweepRule rule, const SweepSettings& settings, const std::function<void(MailboxId)>& changed)
      : database_(database), who_(who), mailbox_(mailbox), rule_(rule), settings_(settings), changed_(changed) {
    swept_.mailbox = mailbox.path;
  }

  Result<Swept> run(std::uint64_t most) {
    schema::SweepCursor at;
    for (bool more = true; more && !stopped();) {
      const std::uint64_t left = most - (swept_.aged + swept_.deleted);
      if (left == 0) return swept_;
      const std::size_t limit = static_cast<std::size_t>(std::min<std::uint64_t>(settings_.batch, left));
      CPM_TRY(look, see(at, limit));
      CPM_CHECK(remove(look));
      objects_.insert(objects_.end(), look.session_objects.begin(), look.session_objects.end());
      at = look.end;
      more = look.more;
    }
    if (!stopped()) CPM_CHECK(remove_session_objects());
    return swept_;
  }

 private:
  [[nodiscard]] bool stopped() const { return settings_.stop && settings_.stop(); }

  Result<SweepLook> see(const schema::SweepCursor& at, std::size_t limit) {
    return database_.run_blocking(
        kPatience,
        [&](Transaction& tx) -> Result<SweepLook> {
          CPM_TRY(grant, schema::authorize(tx, who_, mailbox_.ref(), schema::kRead));
          return schema::look_for_old(tx, grant, rule_, at, limit);
        },
        Mode::reads);
  }

  Result<void> remove(const SweepLook& look) {
    UidSet aged;
    for (const OldMessage& one : look.aged) aged.add(one.uid);
    CPM_CHECK(take(look.aged, swept_.aged));
    std::vector<OldMessage> others;
    for (const OldMessage& one : look.deleted) {
      if (!aged.contains(one.uid)) others.push_back(one);
    }
    return take(others, swept_.deleted);
  }

  Result<void> take(const std::vector<OldMessage>& messages, std::uint64_t& count) {
    if (messages.empty()) return {};
    UidSet gone;
    if (settings_.dry_run) {
      for (const OldMessage& one : messages) {
        if (!counted_.contains(one.uid)) gone.add(one.uid);
      }
      counted_.merge(gone);
    } else {
      const std::vector<std::uint32_t> uids = uids_of(messages);
      auto done = database_.run_blocking(kPatience, [&](Transaction& tx) -> Result<schema::ExpungeResult> {
        CPM_TRY(grant, schema::authorize(tx, who_, mailbox_.ref(), schema::kExpunge));
        return schema::sweep(tx, grant, rule_, uids);
      });
      if (!done) return done.error();
      gone = std::move(done->uids);
      if (!gone.empty()) changed_(mailbox_.id);
    }
    for (const OldMessage& one : messages) {
      if (!gone.contains(one.uid)) continue;
      ++count;
      swept_.octets += one.octets;
    }
    return {};
  }

  // They go when nothing else is left.
  Result<void> remove_session_objects() {
    if (objects_.empty()) return {};
    const schema::Principal who = who_;
    auto now = database_.run_blocking(
        kPatience,
        [&](Transaction& tx) -> Result<std::uint32_t> {
          CPM_TRY(grant, schema::authorize(tx, who, mailbox_.ref(), schema::kRead));
          return grant.mailbox().messages;
        },
        Mode::reads);
    if (!now) return now.error();
    const std::uint64_t left = *now - std::min<std::uint64_t>(*now, settings_.dry_run ? counted_.size() : 0);
    std::vector<OldMessage> objects;
    for (const OldMessage& one : objects_) {
      if (!settings_.dry_run || !counted_.contains(one.uid)) objects.push_back(one);
    }
    if (objects.size() < left) return {};
    for (std::size_t begin = 0; begin < objects.size(); begin += settings_.batch) {
      const std::size_t end = std::min(begin + settings_.batch, objects.size());
      const auto from = objects.begin();
      CPM_CHECK(
          take({from + static_cast<std::ptrdiff_t>(begin), from + static_cast<std::ptrdiff_t>(end)}, swept_.aged));
    }
    return {};
  }

  schema::Database& database_;
  const schema::Principal& who_;
  const schema::MailboxRow& mailbox_;
  const schema::SweepRule rule_;
  const SweepSettings& settings_;
  const std::function<void(MailboxId)>& changed_;
  Swept swept_;
  UidSet counted_;                   // by a dry run
  std::vector<OldMessage> objects_;  // old session info and group state objects
};

struct Account {
  schema::Principal who;
  Retention retention;
  std::vector<schema::MailboxRow> mailboxes;
};

Result<Account> open(schema::Database& database, AccountId id, const std::string& node, bool recorded) {
  return database.run_blocking(
      kPatience,
      [&](Transaction& tx) -> Result<Account> {
        CPM_TRY(policies, schema::read_policies(tx, id));
        schema::Principal who{id, "", "retention", schema::Role::admin};
        who.via = schema::make_actor({"upkeep", "retention", "", "", "", node, ""}, recorded, false);
        Account account{std::move(who), retention_of(policies), {}};
        if (!account.retention.finite()) return account;
        CPM_TRY(mailboxes, schema::list_mailboxes(tx, account.who));
        account.mailboxes = std::move(mailboxes);
        return account;
      },
      Mode::reads);
}

Result<void> mark(schema::Database& database, const Account& account) {
  if (!account.retention.deleted) return {};
  std::vector<MailboxId> marked;
  for (const schema::MailboxRow& mailbox : account.mailboxes) {
    if (mailbox.deleted > 0) marked.push_back(mailbox.id);
  }
  return database.run_blocking(kPatience, [&](Transaction& tx) {
    return schema::mark_deleted(tx, account.who.account, marked, *account.retention.deleted);
  });
}

}  // namespace

Retention retention_of(const std::vector<schema::PolicyInForce>& policies) {
  Retention retention;
  for (const schema::PolicyInForce& policy : policies) {
    const auto period = policy_period(policy.value);
    if (policy.key->name == "retention.inbox") retention.inbox = period;
    if (policy.key->name == "retention.conversations") retention.conversations = period;
    if (policy.key->name == "retention.sessions") retention.sessions = period;
    if (policy.key->name == "retention.folders") retention.folders = period;
    if (policy.key->name == "retention.deleted") retention.deleted = period;
  }
  return retention;
}

schema::SweepRule sweep_rule(const Retention& retention, std::string_view path, std::span<const std::string> roots) {
  schema::SweepRule rule;
  rule.grace = retention.deleted;
  switch (kind_of(path, roots)) {
    case Kind::inbox: rule.age = retention.inbox; break;
    case Kind::conversation: rule.age = retention.conversations; break;
    case Kind::session: rule.age = retention.sessions; break;
    case Kind::folder: rule.age = retention.folders; break;
  }
  rule.keeps_session_objects = kind_of(path, roots) == Kind::session;
  return rule;
}

Result<SweepReport> sweep_account(schema::Database& database, AccountId id, const SweepSettings& settings,
                                  const std::function<void(MailboxId)>& changed) {
  CPM_TRY(account, open(database, id, settings.node, settings.recorded));
  SweepReport report;
  if (!settings.dry_run) CPM_CHECK(mark(database, account));
  for (const schema::MailboxRow& mailbox : account.mailboxes) {
    if (report.messages >= settings.most || (settings.stop && settings.stop())) break;
    if (mailbox.messages == 0) continue;
    const schema::SweepRule rule = sweep_rule(account.retention, mailbox.path, settings.roots);
    if (!rule.age && (!rule.grace || mailbox.deleted == 0)) continue;
    auto swept =
        MailboxSweep(database, account.who, mailbox, rule, settings, changed).run(settings.most - report.messages);
    if (!swept && swept.error().failure == Failure::not_found) continue;  // deleted meanwhile
    if (!swept) return swept.error();
    if (swept->aged + swept->deleted == 0) continue;
    report.messages += swept->aged + swept->deleted;
    report.mailboxes.push_back(std::move(*swept));
  }
  return report;
}

}  // namespace cpm::imap
