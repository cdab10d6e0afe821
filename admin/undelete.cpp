// cpmctl undelete: what was expunged, or deleted with its mailbox, and can be restored (docs/undelete.md).
#include "schema/undelete.h"
#include "admin/cli.h"
#include "admin/moment.h"
#include "admin/output.h"
#include "admin/size.h"
#include "imap/mime/casemap.h"
#include "imap/mime/decode.h"
#include "imap/mime/header.h"
#include "schema/change_feed.h"

#include <algorithm>
#include <iostream>

namespace cpm::admin {

namespace {

using schema::RemovedMessage;
using schema::Transaction;
namespace mime = imap::mime;

constexpr std::size_t kPage = 1000;

struct Options {
  std::string address, mailbox, subject, from, message_id, since, until, to;
  std::vector<std::string> ids;
  std::size_t limit = 100;
  bool all = false;
};

std::string field_text(std::string_view header, std::string_view name) {
  const auto field = mime::find_field(header, name);
  return field ? mime::decode_words(mime::unfold(field->value)) : std::string();
}

std::string when(std::int64_t micros) {
  return time_text(std::chrono::sys_seconds(std::chrono::seconds(micros / 1'000'000)));
}

Result<schema::RemovedFilter> filter_from(const Options& options) {
  schema::RemovedFilter filter;
  if (!options.since.empty()) {
    CPM_TRY(at, moment_from(options.since));
    filter.since = at;
  }
  if (!options.until.empty()) {
    CPM_TRY(at, moment_from(options.until));
    filter.until = at;
  }
  if (!options.mailbox.empty()) filter.mailbox = canonical_path(options.mailbox);
  filter.subject = mime::unicode_casemap(options.subject);
  filter.from = mime::unicode_casemap(options.from);
  filter.message_id = options.message_id;
  return filter;
}

// In pages, the newest first.
Result<std::vector<RemovedMessage>> read(Context& context, const schema::Principal& who, schema::RemovedFilter filter,
                                         std::size_t most) {
  std::vector<RemovedMessage> out;
  while (out.size() < most) {
    filter.limit = std::min(kPage, most - out.size());
    auto some = context.run([&](Transaction& tx) { return schema::list_removed(tx, who, filter); });
    if (!some) return some.error();
    if (some->empty()) break;
    filter.after = {some->back().removed_at, some->back().id};
    const bool last = some->size() < filter.limit;
    for (RemovedMessage& one : *some) out.push_back(std::move(one));
    if (last) break;
  }
  return out;
}

Result<void> list(Context& context, const Options& options) {
  auto who = context.principal(options.address);
  if (!who) return hint_missing_user(who.error());
  CPM_TRY(filter, filter_from(options));
  CPM_TRY(rows, read(context, *who, std::move(filter), options.all ? SIZE_MAX : options.limit));
  Json all = Json::array();
  Table table({"ID", "REMOVED", "BY", "MAILBOX", ">UID", ">SIZE", "DATE", "FROM", "SUBJECT"});
  for (const RemovedMessage& one : rows) {
    const std::string id = schema::removed_id_text(one.id);
    const std::string from = field_text(one.header, "From"), subject = field_text(one.header, "Subject");
    if (context.json) {
      all.push_back({{"id", id},
                     {"removed", when(one.removed_at)},
                     {"by", one.removed_by},
                     {"mailbox", one.path},
                     {"mailbox_deleted", one.whole},
                     {"uid", one.id.uid},
                     {"size", one.size},
                     {"internal_date", time_text(one.internal_date)},
                     {"from", from},
                     {"subject", subject},
                     {"message_id", field_text(one.header, "Message-ID")}});
      continue;
    }
    table.add({id, when(one.removed_at), printable(one.removed_by),
               printable(one.path) + (one.whole ? " (deleted)" : ""), std::to_string(one.id.uid), size_text(one.size),
               time_text(one.internal_date), printable(from), printable(subject)});
  }
  if (context.json) {
    print_json(context.io.out, all);
  } else {
    table.print(context.io.out);
  }
  return {};
}

void tell(Context& context, const schema::Restored& done) {
  print_done(context, "restored " + std::to_string(done.messages) + " messages to " + done.path,
             {{"mailbox", done.path},
              {"messages", done.messages},
              {"uidvalidity", done.uidvalidity.value},
              {"uids", done.uids.to_string()}});
}

// By identifiers, by a search, or a deleted mailbox as a whole.
Result<void> restore(Context& context, const Options& options) {
  CPM_TRY(config, context.config());
  auto who = context.principal(options.address);
  if (!who) return hint_missing_user(who.error());
  const bool search = !options.subject.empty() || !options.from.empty() || !options.message_id.empty() ||
                      !options.since.empty() || !options.until.empty();
  std::vector<schema::RemovedId> ids;
  for (const std::string& text : options.ids) {
    const auto id = schema::removed_id_from(text);
    if (!id) return fail(Failure::invalid, "\"" + text + "\" is no identifier that undelete list shows");
    ids.push_back(*id);
  }
  if (!ids.empty() && search) return fail(Failure::invalid, "name identifiers or a search, not both");
  if (search || (options.all && ids.empty())) {
    CPM_TRY(filter, filter_from(options));
    CPM_TRY(rows, read(context, *who, std::move(filter), SIZE_MAX));
    for (const RemovedMessage& one : rows) ids.push_back(one.id);
    if (ids.empty()) return fail(Failure::not_found, "nothing can be restored that is so");
  }
  if (ids.empty() && options.mailbox.empty())
    return fail(Failure::invalid, "name identifiers, a search, or --mailbox of a deleted mailbox");
  auto restored = context.run([&](Transaction& tx) -> Result<schema::Restored> {
    if (ids.empty()) return schema::restore_mailbox(tx, *who, canonical_path(options.mailbox), config->limits);
    CPM_TRY(grant, schema::authorize(tx, *who, canonical_path(options.to), schema::kInsert));
    return schema::restore_messages(tx, *who, grant, ids, config->limits);
  });
  if (!restored) return restored.error();
  [[maybe_unused]] const auto told = context.run([&](Transaction& tx) -> Result<void> {
    schema::announce(tx, who->account, restored->mailbox);
    if (restored->made) schema::announce(tx, who->account, MailboxId{});
    for (const AccountId reader : restored->shared) schema::announce(tx, reader, MailboxId{});
    return {};
  });
  tell(context, *restored);
  return {};
}

void add_search(CLI::App& verb, Options& options) {
  verb.add_option("address", options.address, "any address of the user")->required()->type_name("ADDRESS");
  verb.add_option("--mailbox", options.mailbox, "where it was, with what was below")->type_name("MAILBOX");
  verb.add_option("--subject", options.subject, "a part of the subject")->type_name("TEXT");
  verb.add_option("--from", options.from, "a part of the sender")->type_name("TEXT");
  verb.add_option("--message-id", options.message_id, "with this Message-ID")->type_name("ID");
  verb.add_option("--since", options.since, "removed not before: 2026-11-30, 2026-11-30T12:00:00Z, or ago: 2h, 7d")
      ->type_name("TIME");
  verb.add_option("--until", options.until, "removed before")->type_name("TIME");
}

}  // namespace

void add_undelete(CLI::App& root, Context& context) {
  CLI::App& noun =
      add_noun(root, "undelete", "messages that were removed and can be restored",
               {"undelete list alice@example.net", "undelete restore alice@example.net 1-17-42 --to INBOX"});
  auto listed = std::make_shared<Options>();
  CLI::App& lister = add_verb(noun, "list", "what can be restored, the last removed first",
                              {"undelete list alice@example.net --mailbox Work --subject report",
                               "undelete list alice@example.net --since 2h --all",
                               "undelete list alice@example.net --message-id '<a@b>' --json"});
  add_search(lister, *listed);
  lister.add_option("--limit", listed->limit, "at most so many")->type_name("N")->capture_default_str();
  lister.add_flag("--all", listed->all, "all of them");
  on_run<Options>(lister, context, listed, list);

  auto chosen = std::make_shared<Options>();
  chosen->to = "INBOX";
  CLI::App& restorer = add_verb(noun, "restore", "put messages back, all or none",
                                {"undelete restore alice@example.net 1-17-42 1-17-43 --to INBOX",
                                 "undelete restore alice@example.net --from bob@ --to Work",
                                 "undelete restore alice@example.net --mailbox Work"});
  add_search(restorer, *chosen);
  restorer.add_option("ids", chosen->ids, "as undelete list shows them; none: by a search, or a whole mailbox")
      ->type_name("ID");
  restorer.add_option("--to", chosen->to, "the mailbox they come to")->type_name("MAILBOX")->capture_default_str();
  restorer.add_flag("--all", chosen->all, "everything that --mailbox and its like name, into --to");
  on_run<Options>(restorer, context, chosen, restore);
}

}  // namespace cpm::admin
