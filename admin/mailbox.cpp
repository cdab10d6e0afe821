// cpmctl mailbox: the mailboxes of a user with their counters; a copy of one with all below it.
#include "admin/cli.h"
#include "admin/message_verbs.h"
#include "admin/output.h"
#include "admin/size.h"
#include "schema/copy_tree.h"
#include "schema/mailboxes.h"

#include <algorithm>
#include <iostream>

namespace cpm::admin {

namespace {

using schema::MailboxRow;
using schema::Transaction;

struct Options {
  std::string address;
  std::string from, to;  // of copy
};

Json to_json(const MailboxRow& row) {
  return {
      {"path", row.path},
      {"mailbox_id", row.id.value},
      {"messages", row.messages},
      {"unseen", row.unseen},
      {"deleted", row.deleted},
      {"octets", row.bytes},
      {"uidvalidity", row.uidvalidity.value},
      {"uidnext", row.uidnext.value},
      {"highestmodseq", row.highestmodseq.value},
      {"special_use", row.use == schema::SpecialUse::none ? Json(nullptr) : Json(schema::special_use_name(row.use))}};
}

Result<std::vector<MailboxRow>> read(Context& context, const Options& options) {
  auto who = context.principal(options.address);
  if (!who) return hint_missing_user(who.error());
  return context.run([&](Transaction& tx) { return schema::list_mailboxes(tx, *who); });
}

Result<void> list(Context& context, const Options& options) {
  CPM_TRY(rows, read(context, options));
  Json all = Json::array();
  Table table({"MAILBOX", ">MESSAGES", ">UNSEEN", ">SIZE", ">UIDVALIDITY", ">UIDNEXT", ">MODSEQ", "USE"});
  for (const MailboxRow& row : rows) {
    all.push_back(to_json(row));
    table.add({printable(row.path), std::to_string(row.messages), std::to_string(row.unseen), size_text(row.bytes),
               std::to_string(row.uidvalidity.value), std::to_string(row.uidnext.value),
               std::to_string(row.highestmodseq.value), std::string(schema::special_use_name(row.use))});
  }
  if (context.json) {
    print_json(context.io.out, all);
  } else {
    table.print(context.io.out);
  }
  return {};
}

// Rows come sorted by path, but "a b" sorts before "a/b": a mailbox's children are looked up, not assumed to follow.
class Tree {
 public:
  explicit Tree(const std::vector<MailboxRow>& rows) : rows_(rows) {}

  [[nodiscard]] Json json(const std::string& parent) const {
    Json children = Json::array();
    for (const MailboxRow* row : below(parent)) {
      Json object = to_json(*row);
      object["children"] = json(row->path);
      children.push_back(std::move(object));
    }
    return children;
  }

  void add_to(Table& table, const std::string& parent, const std::string& indent) const {
    const auto children = below(parent);
    for (std::size_t i = 0; i < children.size(); ++i) {
      const MailboxRow& row = *children[i];
      const bool last = i + 1 == children.size();
      const bool top = parent.empty();
      const std::string name = row.path.substr(top ? 0 : parent.size() + 1);
      table.add({indent +
                     (top    ? ""
                      : last ? "└─ "
                             : "├─ ") +
                     printable(name),
                 std::to_string(row.messages), std::to_string(row.unseen), size_text(row.bytes)});
      add_to(table, row.path, indent + (top ? "" : last ? "   " : "│  "));
    }
  }

 private:
  [[nodiscard]] std::vector<const MailboxRow*> below(const std::string& parent) const {
    std::vector<const MailboxRow*> out;
    for (const MailboxRow& row : rows_) {
      const std::size_t slash = row.path.rfind('/');
      const std::string_view above =
          slash == std::string::npos ? std::string_view() : std::string_view(row.path).substr(0, slash);
      if (above == parent) out.push_back(&row);
    }
    return out;
  }

  const std::vector<MailboxRow>& rows_;
};

Result<void> tree(Context& context, const Options& options) {
  CPM_TRY(rows, read(context, options));
  const Tree whole(rows);
  if (context.json) {
    print_json(context.io.out, whole.json(""));
    return {};
  }
  Table table({"MAILBOX", ">MESSAGES", ">UNSEEN", ">SIZE"});
  whole.add_to(table, "", "");
  table.print(context.io.out);
  return {};
}

Result<void> copy(Context& context, const Options& options) {
  CPM_TRY(config, context.config());
  auto who = context.principal(options.address);
  if (!who) return hint_missing_user(who.error());
  const std::string from = canonical_path(options.from), to = canonical_path(options.to);
  auto copied = context.run([&](Transaction& tx) { return schema::copy_tree(tx, *who, from, to, config->limits); });
  if (!copied) {
    const Failure failure = copied.error().failure;
    if (failure == Failure::not_found) {
      return fail(Failure::not_found, who->address + " has no mailbox \"" + from +
                                          "\"\nSee which there are: cpmctl mailbox list " + who->address);
    }
    if (failure == Failure::exists)
      return with_hint(copied.error(), "Name one that does not exist: cpmctl mailbox list " + who->address);
    if (failure == Failure::over_quota)
      return with_hint(copied.error(), "See what is used: cpmctl quota show " + who->address);
    return copied.error();
  }
  tell_nodes(context, who->account, MailboxId{});
  Json mailboxes = Json::array();
  for (const schema::CopiedMailbox& one : copied->mailboxes) {
    tell_nodes(context, who->account, one.to);
    mailboxes.push_back({{"from", one.from_path},
                         {"to", one.to_path},
                         {"uidvalidity", one.uidvalidity.value},
                         {"messages", one.messages}});
  }
  const std::size_t count = copied->mailboxes.size();
  print_done(context,
             "copied " + std::to_string(copied->messages) + " messages (" + size_text(copied->octets) + ") in " +
                 std::to_string(count) + (count == 1 ? " mailbox to " : " mailboxes to ") + printable(to),
             {{"messages", copied->messages}, {"octets", copied->octets}, {"mailboxes", mailboxes}});
  return {};
}

}  // namespace

void add_mailbox(CLI::App& root, Context& context) {
  CLI::App& noun = add_noun(root, "mailbox", "mailboxes of a user",
                            {"mailbox list alice@example.net", "mailbox tree alice@example.net",
                             "mailbox copy alice@example.net Default/tel:+15550100 Kept/Bob"});
  const auto one = [&](const char* name, const char* help, Result<void> (*function)(Context&, const Options&)) {
    auto options = std::make_shared<Options>();
    CLI::App& verb = add_verb(noun, name, help, {std::string("mailbox ") + name + " alice@example.net"});
    verb.add_option("address", options->address, "any address of the user")->required()->type_name("ADDRESS");
    on_run<Options>(verb, context, options, function);
  };
  one("list", "all mailboxes with their counters", list);
  one("tree", "the hierarchy", tree);

  auto copied = std::make_shared<Options>();
  CLI::App& copier = add_verb(noun, "copy",
                              "copy a mailbox with everything below it, as a conversation history with its sessions: "
                              "all of it, or nothing",
                              {"mailbox copy alice@example.net Default/tel:+15550100 Kept/Bob"});
  copier.add_option("address", copied->address, "any address of the user")->required()->type_name("ADDRESS");
  copier.add_option("from", copied->from, "path of the mailbox")->required()->type_name("FROM");
  copier.add_option("to", copied->to, "path of the copy, which must not exist; missing parents are made")
      ->required()
      ->type_name("TO");
  on_run<Options>(copier, context, copied, copy);
}

}  // namespace cpm::admin
