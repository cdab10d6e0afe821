#include "server/upkeep.h"

#include "base/log.h"
#include "schema/acl.h"
#include "schema/append.h"
#include "schema/audit.h"
#include "schema/conversions.h"
#include "schema/reader_flags.h"
#include "schema/sweep.h"
#include "schema/tombstones.h"
#include "schema/undelete.h"

#include <algorithm>

namespace cpm::server {

namespace {

using namespace std::chrono_literals;

constexpr auto kEvery = 30s;
constexpr auto kGrace = 600s;        // bodies being sent outlive their message by this
constexpr auto kStagedAge = 86400s;  // deposits that never came to their end
constexpr std::size_t kBatch = 500;
constexpr auto kReaderFlagsEvery = 1h;
constexpr auto kConversionsEvery = 2min;
constexpr auto kMonths = 6h;            // between looks at the months of the record of changes
constexpr std::size_t kAccounts = 100;  // that this node takes at a time from the round that all nodes share

}  // namespace

Upkeep::~Upkeep() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

bool Upkeep::wait() {
  std::unique_lock lock(mutex_);
  std::chrono::seconds pause = kEvery;
  for (const std::chrono::seconds every : {settings_.sweep_every, settings_.seal_every}) {
    if (every.count() > 0) pause = std::min(pause, every);
  }
  return !wake_.wait_for(lock, pause, [this] { return stopping_; });
}

bool Upkeep::purge() {
  const auto removed =
      db_.run_blocking(60s, [](schema::Transaction& tx) { return schema::purge(tx, kGrace, kStagedAge, kBatch); });
  if (!removed) log::debug("server", "no purge", {{"why", removed.error().detail}});
  return removed && *removed >= kBatch && !stopping();
}

bool Upkeep::fold() {
  const auto folded = db_.run_blocking(60s, schema::fold_expunged);
  if (!folded) log::debug("server", "expunged ranges not folded", {{"why", folded.error().detail}});
  return folded && *folded && !stopping();
}

bool Upkeep::expire_acl() {
  const schema::ActorRef by =
      schema::make_actor({"upkeep", "expiry", "", "", "", settings_.sweep.node, ""}, settings_.sweep.recorded, false);
  const auto expired =
      db_.run_blocking(60s, [&](schema::Transaction& tx) { return schema::sweep_acl(tx, kBatch, by); });
  if (!expired) {
    log::debug("server", "no access control entries expired", {{"why", expired.error().detail}});
    return false;
  }
  for (const schema::ExpiredEntry& one : *expired) {
    settings_.changed(one.owner, one.mailbox);
    if (one.kind == schema::GranteeKind::account) settings_.changed(AccountId{one.grantee}, MailboxId{});
    log::info("server", "access control entry expired",
              {{"account", std::to_string(one.owner.value)}, {"mailbox", std::to_string(one.mailbox.value)}});
  }
  return !expired->empty() && !stopping();
}

// Rows that stay behind do no harm: once in a while is enough.
bool Upkeep::sweep_reader_flags() {
  const auto now = std::chrono::steady_clock::now();
  if (now < reader_flags_at_) return false;
  const auto removed =
      db_.run_blocking(60s, [](schema::Transaction& tx) { return schema::sweep_reader_flags(tx, kBatch); });
  if (removed && *removed >= kBatch && !stopping()) return true;
  reader_flags_at_ = now + kReaderFlagsEvery;
  return false;
}

void Upkeep::sweep(AccountId account) {
  imap::SweepSettings how = settings_.sweep;
  how.stop = [this] { return stopping(); };
  const auto changed = [&](MailboxId mailbox) { settings_.changed(account, mailbox); };
  const auto report = imap::sweep_account(db_, account, how, changed);
  if (!report) {
    log::debug(
        "server", "no sweep",
        {{"account", std::to_string(account.value)}, {"why", report.error().text + " " + report.error().detail}});
    return;
  }
  for (const imap::Swept& one : report->mailboxes) {
    settings_.swept(one.aged, one.deleted);
    log::info("server", "retention removed messages",
              {{"account", std::to_string(account.value)},
               {"mailbox", one.mailbox},
               {"aged", std::to_string(one.aged)},
               {"deleted", std::to_string(one.deleted)},
               {"octets", std::to_string(one.octets)}});
  }
}

bool Upkeep::expire_removed() {
  const auto removed = db_.run_blocking(
      60s, [this](schema::Transaction& tx) { return schema::expire_removed(tx, settings_.undelete_keep, kBatch); });
  if (!removed) log::debug("server", "what was removed is kept for longer", {{"why", removed.error().detail}});
  return removed && *removed > 0 && !stopping();
}

bool Upkeep::evict_conversions() {
  const auto now = std::chrono::steady_clock::now();
  if (now < conversions_at_) return false;
  const auto removed = db_.run_blocking(60s, [this](schema::Transaction& tx) {
    return schema::evict_conversions(tx, settings_.convert_cache_octets, kBatch);
  });
  const auto totals = db_.run_blocking(
      60s, [](schema::Transaction& tx) { return schema::conversion_totals(tx); }, schema::Mode::reads);
  if (totals && settings_.cached) settings_.cached(totals->octets, removed ? *removed : 0);
  if (removed && *removed >= kBatch && !stopping()) return true;
  conversions_at_ = now + kConversionsEvery;
  return false;
}

void Upkeep::seal() {
  if (settings_.seal_every.count() == 0) return;
  const auto sealed = schema::seal_audit(db_, [this] { return stopping(); });
  if (!sealed) log::debug("server", "record not sealed", {{"why", sealed.error().text + " " + sealed.error().detail}});
}

void Upkeep::months() {
  const auto now = std::chrono::steady_clock::now();
  if (now < months_at_) return;
  months_at_ = now + kMonths;
  const auto done = schema::keep_audit_months(db_, settings_.audit_keep);
  if (!done)
    log::warn("server", "months of the record not made", {{"why", done.error().text + " " + done.error().detail}});
}

bool Upkeep::sweep() {
  if (settings_.sweep_every.count() == 0) return false;
  const auto accounts = db_.run_blocking(60s, [&](schema::Transaction& tx) {
    return schema::take_accounts_to_sweep(tx, settings_.sweep_every, kAccounts);
  });
  if (!accounts) {
    log::debug("server", "no sweep", {{"why", accounts.error().detail}});
    return false;
  }
  for (const AccountId account : *accounts) {
    if (stopping()) return false;
    sweep(account);
  }
  return accounts->size() == kAccounts && !stopping();
}

bool Upkeep::stopping() {
  const std::lock_guard lock(mutex_);
  return stopping_;
}

void Upkeep::run() {
  auto others_at = std::chrono::steady_clock::now();
  while (wait()) {
    seal();
    const auto now = std::chrono::steady_clock::now();
    if (now < others_at) continue;
    others_at = now + (settings_.sweep_every.count() > 0 ? std::min<std::chrono::seconds>(kEvery, settings_.sweep_every)
                                                         : std::chrono::seconds(kEvery));
    months();
    // A long round does not keep the others waiting.
    do {
      while (expire_removed()) {
      }
      while (purge()) {
      }
      while (fold()) {
      }
      while (expire_acl()) {
      }
      while (sweep_reader_flags()) {
      }
      while (evict_conversions()) {
      }
      seal();
    } while (sweep());
  }
}

}  // namespace cpm::server
