// cpmctl conversation reindex: what objects of CPM say of themselves, read again from their octets by the code that
// deposits use, and conversations made of it. No UID, MODSEQ or octet changes, so the server may go on; the THREADID of
// an object that does not stand where it was deposited may.
#include "admin/cli.h"
#include "admin/conversation_verbs.h"
#include "admin/message_verbs.h"
#include "imap/cpm/layout.h"
#include "imap/deliver/deliver.h"
#include "schema/accounts.h"
#include "schema/mailboxes.h"

#include <algorithm>
#include <iostream>
#include <unordered_set>

namespace cpm::admin {

namespace {

using schema::ReindexFacts;
using schema::ReindexItem;
using schema::Transaction;

constexpr std::size_t kPage = 500;
constexpr std::size_t kBatch = 100;
constexpr std::uint64_t kBatchOctets = 32U << 20;
constexpr std::uint64_t kInline = 64 * 1024;  // larger ones are read on their own

struct Options {
  std::string address;
  bool all = false;
};

class Reindex {
 public:
  Reindex(Context& context, const Config& config) : context_(context), config_(config), progress_(context, "reading") {}

  Result<void> account(const schema::Principal& who) {
    seen_.clear();
    auto mailboxes = context_.run([&](Transaction& tx) { return schema::list_mailboxes(tx, who); });
    if (!mailboxes) return mailboxes.error();
    // What a content says depends on where it stands: histories first, so that a copy elsewhere changes nothing.
    std::stable_partition(mailboxes->begin(), mailboxes->end(),
                          [&](const schema::MailboxRow& row) { return is_history(row.path); });
    total_ = done_ = 0;
    for (const schema::MailboxRow& row : *mailboxes) total_ += row.messages;
    for (const schema::MailboxRow& row : *mailboxes) CPM_CHECK(mailbox(who, row));
    CPM_TRY(changed, context_.run([&](Transaction& tx) -> Result<std::uint64_t> {
      return schema::rebuild_conversations(tx, who.account);
    }));
    changed_ += changed;
    ++accounts_;
    return {};
  }

  Result<void> report(const Result<void>& outcome) {
    progress_.clear();
    if (context_.json) {
      print_json(context_.io.out, {{"accounts", accounts_},
                                   {"messages", messages_},
                                   {"objects", objects_},
                                   {"changed", changed_},
                                   {"skipped", skipped_json(skipped_)}});
    } else {
      print_skipped(context_, skipped_);
      context_.io.out << "read " << messages_ << " messages of " << accounts_
                      << (accounts_ == 1 ? " account: " : " accounts: ") << objects_ << " objects of conversations, "
                      << changed_ << " messages changed their conversation\n";
    }
    if (!outcome) return with_hint(outcome.error(), "It is not complete; it may be repeated at any time");
    if (!skipped_.empty()) return fail(Failure::corrupt, std::to_string(skipped_.size()) + " could not be read");
    return {};
  }

 private:
  [[nodiscard]] bool is_history(const std::string& path) const {
    using Kind = imap::cpm_objects::Place::Kind;
    const Kind kind = imap::cpm_objects::place_of(path, config_.cpm_roots).kind;
    return kind == Kind::conversation || kind == Kind::session;
  }

  Result<void> mailbox(const schema::Principal& who, const schema::MailboxRow& row) {
    for (Uid after;;) {
      CPM_TRY(page, context_.run([&](Transaction& tx) -> Result<std::vector<ReindexItem>> {
        return schema::reindex_page(tx, who.account, row.id, after, kPage);
      }));
      if (page.empty()) return {};
      after = page.back().uid;
      std::vector<ReindexItem> batch;
      std::uint64_t octets = 0;
      for (const ReindexItem& item : page) {
        ++done_;
        if (item.shared && !seen_.insert(item.content.value).second) continue;
        batch.push_back(item);
        octets += item.size;
        if (batch.size() < kBatch && octets < kBatchOctets) continue;
        CPM_CHECK(work(who, row, batch));
        batch.clear();
        octets = 0;
      }
      CPM_CHECK(work(who, row, batch));
      progress_.show(messages_, done_, total_);
    }
  }

  Result<void> work(const schema::Principal& who, const schema::MailboxRow& row,
                    const std::vector<ReindexItem>& batch) {
    if (batch.empty()) return {};
    auto facts = context_.run([&](Transaction& tx) { return read(tx, who, row, batch); });
    if (!facts) {
      const Error& error = facts.error();
      if (hopeless(error.failure)) return error;
      if (error.failure == Failure::not_found) return {};  // the mailbox was deleted meanwhile
      if (batch.size() > 1) {                              // one is bad: find it by halves
        const auto middle = batch.begin() + static_cast<std::ptrdiff_t>(batch.size() / 2);
        CPM_CHECK(work(who, row, {batch.begin(), middle}));
        return work(who, row, {middle, batch.end()});
      }
      skipped_.push_back({who.address + ": " + row.path + " UID " + std::to_string(batch[0].uid.value), error.text});
      return {};
    }
    auto written = context_.run([&](Transaction& tx) -> Result<void> {
      schema::write_facts(tx, who.account, row.id, *facts);
      return {};
    });
    if (!written) return written;
    messages_ += facts->size();
    objects_ += static_cast<std::uint64_t>(std::count_if(facts->begin(), facts->end(), [](const ReindexFacts& one) {
      return one.facts.kind != schema::ObjectKind::mail;
    }));
    return {};
  }

  Result<std::vector<ReindexFacts>> read(Transaction& tx, const schema::Principal& who, const schema::MailboxRow& row,
                                         const std::vector<ReindexItem>& batch) {
    CPM_TRY(grant, schema::authorize(tx, who, row.ref(), schema::kRead));
    UidSet small;
    for (const ReindexItem& item : batch)
      if (item.size <= kInline) small.add(item.uid.value);
    std::vector<schema::MessageRow> rows;
    if (!small.empty()) {
      CPM_TRY(found, schema::fetch_rows(tx, grant, small, schema::kColumnBytes, kInline));
      rows = std::move(found);
    }
    std::vector<ReindexFacts> out;
    for (const ReindexItem& item : batch) {
      const auto at = std::find_if(rows.begin(), rows.end(), [&](const auto& one) { return one.uid == item.uid; });
      if (item.size <= kInline && at == rows.end()) continue;  // expunged meanwhile
      if (at != rows.end() && at->bytes) {
        MemorySource octets(*at->bytes);
        out.push_back(facts_of(item, octets, row.path));
      } else {
        schema::ContentSource octets(tx, who.account, item.content, item.size);
        out.push_back(facts_of(item, octets, row.path));
      }
    }
    return out;
  }

  ReindexFacts facts_of(const ReindexItem& item, ByteSource& octets, const std::string& path) const {
    imap::ContentFacts facts = imap::facts_anew(octets, config_.limits, {path, &config_.cpm_roots});
    return {item, std::move(facts.thread), std::move(facts.facts)};
  }

  Context& context_;
  const Config& config_;
  Progress progress_;
  std::unordered_set<std::int64_t> seen_;  // contents of several messages
  std::uint64_t total_ = 0, done_ = 0;     // of this account
  std::uint64_t accounts_ = 0, messages_ = 0, objects_ = 0, changed_ = 0;
  std::vector<Skipped> skipped_;
};

Result<void> run_all(Context& context, Reindex& work) {
  std::string after;
  for (;;) {
    CPM_TRY(rows, context.run([&](Transaction& tx) { return schema::list_accounts(tx, after, kPage); }));
    for (const schema::AccountRow& row : rows) {
      after = row.address;
      CPM_CHECK(work.account({row.id, row.address, "cpmctl", schema::Role::admin}));
    }
    if (rows.size() < kPage) return {};
  }
}

Result<void> reindex(Context& context, const Options& options) {
  CPM_TRY(config, context.config());
  if (options.all == !options.address.empty())
    return fail(Failure::invalid, "Name one user, or say --all\nSee: cpmctl conversation reindex --help");
  Reindex work(context, *config);
  if (options.all) return work.report(run_all(context, work));
  auto who = context.principal(options.address);
  if (!who) return hint_missing_user(who.error());
  return work.report(work.account(*who));
}

}  // namespace

void add_conversation_reindex(CLI::App& noun, Context& context) {
  auto options = std::make_shared<Options>();
  CLI::App& verb = add_verb(noun, "reindex",
                            "read again what stored objects say of themselves, and make the conversations of it; once "
                            "after an upgrade, and after a change of cpm.roots. The server may run, and it may be "
                            "interrupted and repeated",
                            {"conversation reindex alice@example.net", "conversation reindex --all"});
  verb.add_option("address", options->address, "any address of the user")->type_name("ADDRESS");
  verb.add_flag("--all", options->all, "all users");
  on_run<Options>(verb, context, options, reindex);
}

}  // namespace cpm::admin
