// cpmctl audit: who did what, who deleted this, and whether somebody tampered with the record (docs/audit.md).
#include "schema/audit.h"
#include "admin/cli.h"
#include "admin/moment.h"
#include "admin/output.h"
#include "base/number_set.h"
#include "schema/accounts.h"

#include <algorithm>
#include <iostream>
#include <thread>

namespace cpm::admin {

namespace {

using schema::AuditCommand;
using schema::AuditFilter;
using schema::AuditRow;
using schema::Transaction;

constexpr std::size_t kPage = 1000;

struct Options {
  std::string address;  // empty: the installation as a whole
  std::optional<std::int64_t> account;
  std::string since, until, mailbox, actor, message_id, noted;
  std::vector<std::string> commands;
  std::optional<std::uint32_t> uid;
  std::size_t limit = 100;
  bool oldest_first = false, all = false;
};

std::string moment_text(std::int64_t micros) {
  const auto seconds = std::chrono::sys_seconds(std::chrono::seconds(micros / 1'000'000));
  std::string text = time_text(seconds);
  const std::string fraction = std::to_string(1'000'000 + micros % 1'000'000).substr(1);
  return text.substr(0, text.size() - 1) + "." + fraction + "Z";
}

// The account of an address, of a number, or the whole store.
Result<AccountId> account_of(Context& context, const Options& options) {
  if (options.account) return AccountId{*options.account};
  if (options.address.empty()) return schema::kWholeStore;
  auto row = context.run([&](Transaction& tx) { return schema::find_account(tx, options.address); });
  if (!row) {
    Error error = hint_missing_user(row.error());
    if (error.failure == Failure::not_found)
      error.text += "\nOf a deleted user: cpmctl audit list, then cpmctl audit list --account NUMBER";
    return error;
  }
  return row->id;
}

Result<AuditFilter> filter_from(const Options& options) {
  AuditFilter filter;
  if (!options.since.empty()) {
    CPM_TRY(at, moment_from(options.since));
    filter.since = at;
  }
  if (!options.until.empty()) {
    CPM_TRY(at, moment_from(options.until));
    filter.until = at;
  }
  for (const std::string& name : options.commands) {
    const auto command = schema::audit_command_from(name);
    if (!command) {
      std::string names;
      for (const AuditCommand one : schema::audit_commands())
        names += (names.empty() ? "" : ", ") + std::string(schema::audit_command_name(one));
      return fail(Failure::invalid, "no command is called \"" + name + "\"\nThere are: " + names);
    }
    filter.commands.push_back(*command);
  }
  if (!options.mailbox.empty()) filter.mailbox = canonical_path(options.mailbox);
  filter.actor = options.actor;
  filter.uid = options.uid;
  filter.newest_first = !options.oldest_first;
  return filter;
}

Json to_json(const AuditRow& row) {
  Json out = {{"at", moment_text(row.at.at)},
              {"command", schema::audit_command_name(row.command)},
              {"result", row.refused ? "refused" : "done"},
              {"actor", row.session.actor},
              {"acted_for", row.session.acted_for},
              {"program", row.session.program},
              {"client", row.session.client},
              {"peer", row.session.peer},
              {"node", row.session.node},
              {"session", row.session.session},
              {"session_id", std::to_string(row.session.id)},
              {"mailbox", row.path},
              {"mailbox_id", row.mailbox.value},
              {"uids", row.uids},
              {"messages", row.messages},
              {"octets", row.octets},
              {"modseq", row.modseq},
              {"account", std::to_string(row.account.value)}};
  out["detail"] = row.detail.empty() ? Json(nullptr) : Json::parse(row.detail, nullptr, false);
  return out;
}

std::string who(const AuditRow& row) {
  std::string text = row.session.actor;
  if (!row.session.acted_for.empty() && row.session.acted_for != row.session.actor)
    text += " for " + row.session.acted_for;
  if (row.session.program != "imap") text += " (" + row.session.program + ")";
  return printable(text);
}

std::string shortened(std::string text) {
  constexpr std::size_t kShown = 60;
  if (text.size() > kShown) text = text.substr(0, kShown - 1) + "…";
  return printable(text);
}

void print_rows(Context& context, const std::vector<AuditRow>& rows) {
  if (context.json) {
    Json all = Json::array();
    for (const AuditRow& row : rows) all.push_back(to_json(row));
    print_json(context.io.out, all);
    return;
  }
  Table table({"TIME", "WHO", "COMMAND", "MAILBOX", "UIDS", ">OCTETS", "FROM", "CLIENT", "MORE"});
  for (const AuditRow& row : rows) {
    table.add({moment_text(row.at.at), who(row),
               std::string(schema::audit_command_name(row.command)) + (row.refused ? " REFUSED" : ""),
               printable(row.path), shortened(row.uids), row.octets > 0 ? std::to_string(row.octets) : "",
               row.session.peer.empty() ? row.session.node : row.session.peer, printable(row.session.client),
               shortened(row.detail)});
  }
  table.print(context.io.out);
}

Result<void> list(Context& context, const Options& options) {
  CPM_TRY(account, account_of(context, options));
  CPM_TRY(filter, filter_from(options));
  filter.limit = options.all ? SIZE_MAX : options.limit;
  std::vector<AuditRow> rows;
  while (rows.size() < filter.limit) {
    AuditFilter page = filter;
    page.limit = std::min(kPage, filter.limit - rows.size());
    auto some = context.run([&](Transaction& tx) { return schema::read_audit(tx, account, page); });
    if (!some) return some.error();
    if (some->empty()) break;
    filter.after = some->back().at;
    const bool last = some->size() < page.limit;
    for (AuditRow& row : *some) rows.push_back(std::move(row));
    if (last) break;
  }
  print_rows(context, rows);
  return {};
}

// JSON lines, the oldest first, a page at a time: any length.
Result<void> export_rows(Context& context, const Options& options) {
  CPM_TRY(account, account_of(context, options));
  CPM_TRY(filter, filter_from(options));
  filter.newest_first = false;
  filter.limit = kPage;
  for (;;) {
    auto rows = context.run([&](Transaction& tx) { return schema::read_audit(tx, account, filter); });
    if (!rows) return rows.error();
    for (const AuditRow& row : *rows)
      context.io.out << to_json(row).dump(-1, ' ', false, Json::error_handler_t::replace) << '\n';
    if (rows->size() < kPage) return {};
    filter.after = rows->back().at;
  }
}

// What comes from now on, until it is interrupted. Rows of transactions that took long may come behind newer ones, so
// that it looks back a little and tells what it has not told.
Result<void> tail(Context& context, const Options& options) {
  CPM_TRY(account, account_of(context, options));
  CPM_TRY(filter, filter_from(options));
  constexpr std::int64_t kLookBack = 60'000'000;
  filter.newest_first = false;
  filter.limit = SIZE_MAX;
  CPM_TRY(now, moment_from("0s"));
  std::int64_t from = now - (options.since.empty() ? 0 : now - filter.since.value_or(now));
  const std::int64_t begin = from;
  std::vector<std::pair<std::int64_t, std::int32_t>> told;
  for (;;) {
    filter.since = std::max(begin, from - kLookBack);
    auto rows = context.run([&](Transaction& tx) { return schema::read_audit(tx, account, filter); });
    if (!rows) return rows.error();
    std::vector<std::pair<std::int64_t, std::int32_t>> seen;
    for (const AuditRow& row : *rows) {
      const std::pair<std::int64_t, std::int32_t> key{row.at.at, row.at.n};
      seen.push_back(key);
      from = std::max(from, row.at.at);
      if (std::binary_search(told.begin(), told.end(), key)) continue;
      if (context.json) {
        context.io.out << to_json(row).dump(-1, ' ', false, Json::error_handler_t::replace) << '\n';
      } else {
        context.io.out << moment_text(row.at.at) << ' ' << who(row) << ' ' << schema::audit_command_name(row.command)
                       << (row.refused ? " REFUSED" : "") << ' ' << printable(row.path) << ' ' << shortened(row.uids)
                       << ' ' << shortened(row.detail) << '\n';
      }
    }
    std::sort(seen.begin(), seen.end());
    told = std::move(seen);
    context.io.out.flush();
    if (!context.io.out) return {};
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
  }
}

Result<void> verify(Context& context, const Options& options) {
  CPM_TRY(account, account_of(context, options));
  CPM_TRY(database, context.store());
  Json findings = Json::array();
  std::size_t count = 0;
  const auto found = [&](const schema::AuditFinding& one) {
    ++count;
    if (context.json) {
      findings.push_back({{"what", one.what}, {"where", one.where}});
    } else {
      context.io.out << one.what << ": " << printable(one.where) << '\n';
    }
  };
  auto verdict = schema::verify_audit(*database, account, options.noted, found);
  if (!verdict) return verdict.error();
  if (context.json) {
    print_json(context.io.out, {{"ok", count == 0},
                                {"findings", findings},
                                {"seals", verdict->seals},
                                {"rows", verdict->rows},
                                {"not_yet_sealed", verdict->unsealed},
                                {"head", verdict->head},
                                {"head_seal", verdict->head_seal}});
  } else {
    context.io.out << verdict->rows << " rows in " << verdict->seals << " seals"
                   << (count == 0 ? " are as they were sealed" : " were looked at") << ", " << verdict->unsealed
                   << " rows are not sealed yet\n";
    if (!verdict->head.empty()) context.io.out << "head " << verdict->head << " (seal " << verdict->head_seal << ")\n";
  }
  if (count > 0) return fail(Failure::corrupt, "the record was tampered with: " + std::to_string(count) + " findings");
  return {};
}

// Who removed a message: by its UID in a mailbox, or by its Message-ID wherever it was.
Result<void> who_deleted(Context& context, const Options& options) {
  const bool by_uid = !options.mailbox.empty() && options.uid;
  if (by_uid == !options.message_id.empty())
    return fail(Failure::invalid, "name a mailbox and a UID, or --message-id ID");
  CPM_TRY(account, account_of(context, options));
  AuditFilter filter;
  filter.commands = {AuditCommand::expunge, AuditCommand::move_out, AuditCommand::retention, AuditCommand::remove};
  filter.newest_first = true;
  std::vector<AuditRow> rows;
  if (by_uid) {
    filter.mailbox = canonical_path(options.mailbox);
    auto all = context.run([&](Transaction& tx) { return schema::read_audit(tx, account, filter); });
    if (!all) return all.error();
    filter.uid = options.uid;
    filter.commands.pop_back();
    auto exact = context.run([&](Transaction& tx) { return schema::read_audit(tx, account, filter); });
    if (!exact) return exact.error();
    rows = std::move(*exact);
    // The whole mailbox went, and the message with it unless it had gone before.
    if (rows.empty()) {
      for (AuditRow& row : *all) {
        if (row.command == AuditCommand::remove) rows.push_back(std::move(row));
      }
    }
  } else {
    auto places =
        context.run([&](Transaction& tx) { return schema::places_of_message_id(tx, account, options.message_id); });
    if (!places) return places.error();
    for (const schema::AuditPlace& place : *places) {
      if (place.present && !context.json)
        context.io.out << "It is in mailbox #" << place.mailbox.value << " as UID " << place.uid << ".\n";
      if (place.present) continue;
      filter.mailbox_id = place.mailbox;
      filter.uid = place.uid;
      auto some = context.run([&](Transaction& tx) { return schema::read_audit(tx, account, filter); });
      if (!some) return some.error();
      if (some->empty()) {  // it went with its mailbox
        AuditFilter whole = filter;
        whole.uid.reset();
        whole.commands = {AuditCommand::remove};
        some = context.run([&](Transaction& tx) { return schema::read_audit(tx, account, whole); });
        if (!some) return some.error();
      }
      for (AuditRow& row : *some) rows.push_back(std::move(row));
    }
  }
  if (rows.empty() && !context.json) context.io.out << "Nobody, as far as the record goes back.\n";
  if (!rows.empty() || context.json) print_rows(context, rows);
  return {};
}

void add_account(CLI::App& verb, Options& options) {
  verb.add_option("address", options.address, "any address of the user; without one: services and site policies")
      ->type_name("ADDRESS");
  verb.add_option("--account", options.account, "by the number of the account, of a user that was deleted")
      ->type_name("NUMBER");
}

void add_filters(CLI::App& verb, Options& options) {
  verb.add_option("--since", options.since, "not before: 2026-11-30, 2026-11-30T12:00:00Z, or ago: 2h, 7d")
      ->type_name("TIME");
  verb.add_option("--until", options.until, "before")->type_name("TIME");
  verb.add_option("--command", options.commands, "only these: append, expunge, move-out, login, …")
      ->type_name("NAME")
      ->delimiter(',');
  verb.add_option("--mailbox", options.mailbox, "as it was named then, with those below it")->type_name("MAILBOX");
  verb.add_option("--actor", options.actor, "who logged in, or was acted for")->type_name("NAME");
  verb.add_option("--uid", options.uid, "changes of this UID; with --mailbox")->type_name("UID");
}

}  // namespace

void add_audit(CLI::App& root, Context& context) {
  CLI::App& noun = add_noun(root, "audit", "who did what, when and from where",
                            {"audit list alice@example.net --since 2h", "audit who-deleted alice@example.net INBOX 17",
                             "audit verify alice@example.net"});
  const auto verb = [&](const char* name, const char* help, const std::vector<std::string>& examples,
                        Result<void> (*function)(Context&, const Options&)) {
    auto options = std::make_shared<Options>();
    CLI::App& made = add_verb(noun, name, help, examples);
    add_account(made, *options);
    on_run<Options>(made, context, options, function);
    return std::pair<CLI::App*, std::shared_ptr<Options>>(&made, options);
  };
  auto [lister, listed] = verb("list", "the record, the newest first",
                               {"audit list alice@example.net --command expunge,move-out --mailbox INBOX",
                                "audit list alice@example.net --actor rcs-core --since 2026-11-01 --json"},
                               list);
  add_filters(*lister, *listed);
  lister->add_option("--limit", listed->limit, "at most so many")->type_name("N")->capture_default_str();
  lister->add_flag("--all", listed->all, "all of them");
  lister->add_flag("--oldest-first", listed->oldest_first, "in the order in which they were made");

  auto [follower, followed] = verb("tail", "what is recorded from now on, as it comes",
                                   {"audit tail alice@example.net", "audit tail alice@example.net --json"}, tail);
  add_filters(*follower, *followed);

  auto [exporter, exported] = verb("export", "all of it as JSON lines, the oldest first",
                                   {"audit export alice@example.net --until 2026-11-01 > alice.jsonl"}, export_rows);
  add_filters(*exporter, *exported);

  auto [verifier, verified] =
      verb("verify", "whether the record is as it was sealed",
           {"audit verify alice@example.net", "audit verify alice@example.net --head 5f0c…"}, verify);
  verifier->add_option("--head", verified->noted, "a head that was noted before must be in the chain")
      ->type_name("HEX");

  auto [asker, asked] =
      verb("who-deleted", "who removed a message, when and from where",
           {"audit who-deleted alice@example.net INBOX 17", "audit who-deleted alice@example.net --message-id '<a@b>'"},
           who_deleted);
  asker->add_option("mailbox", asked->mailbox, "where it was")->type_name("MAILBOX");
  asker->add_option("uid", asked->uid, "its UID there")->type_name("UID");
  asker->add_option("--message-id", asked->message_id, "wherever it was")->type_name("ID");
}

}  // namespace cpm::admin
