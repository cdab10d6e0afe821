// cpmctl mailbox: the mailboxes of a user with their counters.
#include "admin/cli.h"
#include "admin/output.h"
#include "admin/size.h"
#include "schema/mailboxes.h"

#include <algorithm>
#include <iostream>

namespace cpm::admin {

namespace {

using schema::MailboxRow;
using schema::Transaction;

struct Options {
  std::string address;
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

}  // namespace

void add_mailbox(CLI::App& root, Context& context) {
  CLI::App& noun = add_noun(root, "mailbox", "mailboxes of a user",
                            {"mailbox list alice@example.net", "mailbox tree alice@example.net"});
  const auto one = [&](const char* name, const char* help, Result<void> (*function)(Context&, const Options&)) {
    auto options = std::make_shared<Options>();
    CLI::App& verb = add_verb(noun, name, help, {std::string("mailbox ") + name + " alice@example.net"});
    verb.add_option("address", options->address, "any address of the user")->required()->type_name("ADDRESS");
    on_run<Options>(verb, context, options, function);
  };
  one("list", "all mailboxes with their counters", list);
  one("tree", "the hierarchy", tree);
}

}  // namespace cpm::admin
