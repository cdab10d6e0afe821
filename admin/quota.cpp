// cpmctl quota: what an account may hold.
#include "admin/cli.h"
#include "admin/output.h"
#include "admin/size.h"
#include "schema/accounts.h"

#include <iostream>

namespace cpm::admin {

namespace {

using schema::AccountRow;
using schema::Transaction;

struct Options {
  std::string address;
  std::optional<std::string> storage, messages;
};

void print(Context& context, const AccountRow& row) {
  if (context.json) {
    print_json(context.io.out, {{"address", row.address},
                                {"used_octets", row.used_bytes},
                                {"limit_octets", limit_json(row.limit_bytes)},
                                {"used_messages", row.used_messages},
                                {"limit_messages", limit_json(row.limit_messages)}});
    return;
  }
  Table table({"RESOURCE", ">USED", ">LIMIT"});
  table.add({"storage", size_text(row.used_bytes), size_text(row.limit_bytes)});
  table.add({"messages", std::to_string(row.used_messages), count_text(row.limit_messages)});
  table.print(context.io.out);
}

Result<void> show(Context& context, const Options& options) {
  auto row = context.run([&](Transaction& tx) { return schema::find_account(tx, options.address); });
  if (!row) return hint_missing_user(row.error());
  print(context, *row);
  return {};
}

// What is not named stays as it is.
Result<void> set(Context& context, const Options& options) {
  if (!options.storage && !options.messages) {
    return fail(Failure::invalid, "nothing to set\nName --storage SIZE, --messages N, or both; none removes a limit");
  }
  std::optional<std::uint64_t> bytes, messages;
  if (options.storage) {
    CPM_TRY(value, parse_size_limit(*options.storage));
    bytes = value;
  }
  if (options.messages) {
    CPM_TRY(value, parse_count_limit(*options.messages));
    messages = value;
  }
  auto row = context.run([&](Transaction& tx) -> Result<AccountRow> {
    CPM_TRY(now, schema::find_account(tx, options.address));
    CPM_CHECK(schema::set_limits(tx, options.address, options.storage ? bytes : now.limit_bytes,
                                 options.messages ? messages : now.limit_messages));
    return schema::find_account(tx, options.address);
  });
  if (!row) return hint_missing_user(row.error());
  print(context, *row);
  const bool over = (row->limit_bytes && row->used_bytes > *row->limit_bytes) ||
                    (row->limit_messages && row->used_messages > *row->limit_messages);
  if (over && !context.json) {
    context.io.err << "The account is above its limit now: nothing is deleted, but nothing more can be stored.\n";
  }
  return {};
}

}  // namespace

void add_quota(CLI::App& root, Context& context) {
  CLI::App& noun = add_noun(root, "quota", "how much a user may store",
                            {"quota set alice@example.net --storage 10G", "quota show alice@example.net"});
  auto options = std::make_shared<Options>();
  CLI::App& setter = add_verb(
      noun, "set", "set limits; what is not named stays",
      {"quota set alice@example.net --storage 10G --messages 100000", "quota set alice@example.net --storage none"});
  setter.add_option("address", options->address, "any address of the user")->required()->type_name("ADDRESS");
  setter.add_option("--storage", options->storage, "storage limit: 10G, 500M, none")->type_name("SIZE");
  setter.add_option("--messages", options->messages, "message limit: a number, or none")->type_name("N");
  on_run<Options>(setter, context, options, set);

  auto shown = std::make_shared<Options>();
  CLI::App& shower = add_verb(noun, "show", "usage and limits", {"quota show alice@example.net"});
  shower.add_option("address", shown->address, "any address of the user")->required()->type_name("ADDRESS");
  on_run<Options>(shower, context, shown, show);
}

}  // namespace cpm::admin
