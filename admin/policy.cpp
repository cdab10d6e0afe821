// cpmctl policy: what the provider decides for all accounts and for one, what counts for a user, and the removal of old
// messages by hand.
#include "schema/policy.h"
#include "admin/cli.h"
#include "admin/output.h"
#include "admin/size.h"
#include "imap/deliver/retention.h"
#include "schema/accounts.h"
#include "schema/change_feed.h"

#include <algorithm>
#include <array>
#include <iostream>

namespace cpm::admin {

namespace {

using schema::PolicyInForce;
using schema::PolicySource;
using schema::Transaction;

constexpr MailboxId kAnnotations{-1};  // imap/session/change_hub.h
constexpr std::size_t kPage = 200;     // accounts

struct Options {
  std::string address;
  std::array<std::optional<std::string>, 3> words;  // [ADDRESS] KEY [VALUE]
  bool provider = false;
  bool dry_run = false;
};

const char* source_name(PolicySource source) {
  switch (source) {
    case PolicySource::account: return "account";
    case PolicySource::site: return "provider";
    case PolicySource::user: return "user";
    case PolicySource::fallback: break;
  }
  return "default";
}

Json value_json(const std::optional<std::string>& value) { return value ? Json(*value) : Json(nullptr); }
std::string value_text(const std::optional<std::string>& value) { return value ? *value : "-"; }

Result<const PolicyKey*> known(const std::string& name) {
  if (const PolicyKey* key = find_policy(name)) return key;
  return fail(Failure::invalid,
              "there is no policy \"" + printable(name) + "\"\nSee which there are: cpmctl policy list");
}

Result<void> list(Context& context, const Options&) {
  auto decided = context.run([](Transaction& tx) { return schema::list_site_policies(tx); });
  if (!decided) return decided.error();
  Json all = Json::array();
  Table table({"KEY", "DEFAULT", "PROVIDER", "MEANING"});
  for (const PolicyKey& key : policy_table()) {
    std::optional<std::string> site;
    for (const schema::SitePolicy& one : *decided) {
      if (one.key == key.name) site = one.value;
    }
    all.push_back({{"key", key.name},
                   {"default", key.fallback},
                   {"provider", value_json(site)},
                   {"allowed", allowed_values(key)},
                   {"meaning", key.help}});
    table.add({key.name, key.fallback, value_text(site), key.help});
  }
  if (context.json) {
    print_json(context.io.out, all);
  } else {
    table.print(context.io.out);
  }
  return {};
}

struct Shown {
  std::string address;
  std::vector<PolicyInForce> policies;
};

Result<void> show(Context& context, const Options& options) {
  auto shown = context.run([&](Transaction& tx) -> Result<Shown> {
    CPM_TRY(account, schema::find_account(tx, options.address));
    CPM_TRY(policies, schema::read_policies(tx, account.id));
    return Shown{account.address, std::move(policies)};
  });
  if (!shown) return hint_missing_user(shown.error());
  Json all = Json::array();
  Table table({"KEY", "IN FORCE", "DECIDED BY", "ACCOUNT", "PROVIDER", "USER", "DEFAULT"});
  for (const PolicyInForce& one : shown->policies) {
    all.push_back({{"key", one.key->name},
                   {"value", one.value},
                   {"decided_by", source_name(one.source)},
                   {"account", value_json(one.account)},
                   {"provider", value_json(one.site)},
                   {"user", value_json(one.user)},
                   {"default", one.key->fallback}});
    table.add({one.key->name, one.value, source_name(one.source), value_text(one.account), value_text(one.site),
               value_text(one.user), one.key->fallback});
  }
  if (context.json) {
    print_json(context.io.out, {{"address", shown->address}, {"policies", all}});
  } else {
    table.print(context.io.out);
  }
  return {};
}

// The words of `set` and `unset`, told apart.
struct Decision {
  std::optional<std::string> address;  // none: for all accounts
  const PolicyKey* key = nullptr;
  std::optional<std::string> value;
};

Result<Decision> decision_from(const Options& options, bool with_value) {
  const std::size_t wanted = (options.provider ? 1U : 2U) + (with_value ? 1U : 0U);
  const auto given =
      std::count_if(options.words.begin(), options.words.end(), [](const auto& w) { return w.has_value(); });
  if (static_cast<std::size_t>(given) != wanted) {
    const std::string value = with_value ? " VALUE" : "";
    return fail(Failure::invalid, options.provider
                                      ? "with --provider: KEY" + value
                                      : "ADDRESS KEY" + value + "; for all accounts: --provider KEY" + value);
  }
  auto word = options.words.begin();
  Decision decision;
  if (!options.provider) decision.address = **word++;
  CPM_TRY(key, known(**word++));
  decision.key = key;
  if (with_value) {
    CPM_TRY(value, canonical_policy(*key, **word));
    decision.value = std::move(value);
  }
  return decision;
}

void note(Context& context, Transaction& tx, AccountId account, const Decision& decision) {
  if (decision.value) {
    context.note(tx, schema::AuditCommand::policy, account, {{"key", decision.key->name}, {"value", *decision.value}});
  } else {
    context.note(tx, schema::AuditCommand::policy, account, {{"key", decision.key->name}, {"taken_back", "true"}});
  }
}

// The account's sessions hear of it; those of all accounts need not: they read it when they need it.
Result<void> carry_out(Context& context, const Decision& decision) {
  if (!decision.address) {
    auto done = context.run([&](Transaction& tx) -> Result<bool> {
      CPM_TRY(changed, schema::set_site_policy(tx, *decision.key, decision.value));
      if (changed) note(context, tx, schema::kWholeStore, decision);
      return changed;
    });
    return done ? Result<void>{} : done.error();
  }
  auto account = context.run([&](Transaction& tx) -> Result<AccountId> {
    CPM_TRY(row, schema::find_account(tx, *decision.address));
    CPM_TRY(changed, schema::set_account_policy(tx, row.id, *decision.key, decision.value));
    if (changed) note(context, tx, row.id, decision);
    return row.id;
  });
  if (!account) return hint_missing_user(account.error());
  return context.run([&](Transaction& tx) -> Result<void> {
    schema::announce(tx, *account, kAnnotations);
    return {};
  });
}

Json facts(const Decision& decision) {
  return {
      {"key", decision.key->name}, {"value", value_json(decision.value)}, {"address", value_json(decision.address)}};
}

Result<void> set(Context& context, const Options& options) {
  CPM_TRY(decision, decision_from(options, true));
  CPM_CHECK(carry_out(context, decision));
  print_done(context,
             decision.key->name + " is " + *decision.value + " for " +
                 (decision.address ? *decision.address : "all accounts that have no decision of their own"),
             facts(decision));
  return {};
}

Result<void> unset(Context& context, const Options& options) {
  CPM_TRY(decision, decision_from(options, false));
  CPM_CHECK(carry_out(context, decision));
  print_done(context,
             "nothing is decided about " + decision.key->name + " for " +
                 (decision.address ? *decision.address : "all accounts") + " any more",
             facts(decision));
  return {};
}

// -- sweep

class Sweep {
 public:
  Sweep(Context& context, schema::Database& database, imap::SweepSettings settings)
      : context_(context), database_(database), settings_(std::move(settings)) {}

  Result<void> account(AccountId id, const std::string& address) {
    const auto changed = [&](MailboxId mailbox) {
      // Sessions that do not hear of it look by themselves after a while.
      [[maybe_unused]] const auto told = context_.run([&](Transaction& tx) -> Result<void> {
        schema::announce(tx, id, mailbox);
        return {};
      });
    };
    auto report = imap::sweep_account(database_, id, settings_, changed);
    if (!report) return report.error();
    for (const imap::Swept& one : report->mailboxes) {
      messages_ += one.aged + one.deleted;
      all_.push_back({{"address", address},
                      {"mailbox", one.mailbox},
                      {"aged", one.aged},
                      {"deleted", one.deleted},
                      {"octets", one.octets}});
      table_.add({address, printable(one.mailbox), std::to_string(one.aged), std::to_string(one.deleted),
                  size_text(one.octets)});
    }
    return {};
  }

  void print() const {
    if (context_.json) {
      print_json(context_.io.out, {{"dry_run", settings_.dry_run}, {"messages", messages_}, {"mailboxes", all_}});
      return;
    }
    if (messages_ > 0) table_.print(context_.io.out);
    context_.io.out << (settings_.dry_run ? "would remove " : "removed ") << messages_
                    << (messages_ == 1 ? " message\n" : " messages\n");
  }

 private:
  Context& context_;
  schema::Database& database_;
  const imap::SweepSettings settings_;
  std::uint64_t messages_ = 0;
  Json all_ = Json::array();
  Table table_{{"ADDRESS", "MAILBOX", ">TOO OLD", ">DELETED", ">OCTETS"}};
};

Result<void> sweep_all(Context& context, Sweep& sweep) {
  std::string after;
  for (bool more = true; more;) {
    auto page = context.run([&](Transaction& tx) { return schema::list_accounts(tx, after, kPage); });
    if (!page) return page.error();
    for (const schema::AccountRow& row : *page) {
      after = row.address;
      if (row.disabled) continue;  // everything of it is kept
      auto done = sweep.account(row.id, row.address);
      if (!done && done.error().failure != Failure::not_found) return done.error();
    }
    more = page->size() == kPage;
  }
  return {};
}

Result<void> sweep(Context& context, const Options& options) {
  CPM_TRY(config, context.config());
  CPM_TRY(database, context.store());
  Sweep work(context, *database,
             {config->cpm_roots,
              config->sweep.batch,
              UINT64_MAX,
              options.dry_run,
              {},
              config->audit.keep.count() > 0,
              "cpmctl"});
  if (options.address.empty()) {
    CPM_CHECK(sweep_all(context, work));
  } else {
    auto row = context.run([&](Transaction& tx) { return schema::find_account(tx, options.address); });
    if (!row) return hint_missing_user(row.error());
    CPM_CHECK(work.account(row->id, row->address));
  }
  work.print();
  return {};
}

}  // namespace

void add_policy(CLI::App& root, Context& context) {
  CLI::App& noun = add_noun(root, "policy",
                            "what is kept how long, stored and synchronised: decisions of the provider, which win "
                            "over what users prefer",
                            {"policy set --provider retention.deleted 30d",
                             "policy set alice@example.net retention.inbox 90d", "policy show alice@example.net"});
  CLI::App& lister = add_verb(noun, "list", "all policies, their defaults and what is decided for all accounts",
                              {"policy list", "policy list --json"});
  on_run<Options>(lister, context, std::make_shared<Options>(), list);

  auto shown = std::make_shared<Options>();
  CLI::App& shower = add_verb(noun, "show", "what counts for a user, who decided it, and what the others said",
                              {"policy show alice@example.net"});
  shower.add_option("address", shown->address, "any address of the user")->required()->type_name("ADDRESS");
  on_run<Options>(shower, context, shown, show);

  auto decided = std::make_shared<Options>();
  CLI::App& setter =
      add_verb(noun, "set", "decide for a user, or for all who have no decision of their own",
               {"policy set alice@example.net retention.inbox 90d", "policy set --provider store.deferred discard"});
  setter.add_option("address", decided->words[0], "any address of the user; not with --provider")->type_name("ADDRESS");
  setter.add_option("key", decided->words[1], "the policy")->type_name("KEY");
  setter.add_option("value", decided->words[2], "its value")->type_name("VALUE");
  setter.add_flag("--provider", decided->provider, "for all accounts");
  on_run<Options>(setter, context, decided, set);

  auto undecided = std::make_shared<Options>();
  CLI::App& unsetter =
      add_verb(noun, "unset", "take a decision back: what is weaker counts again",
               {"policy unset alice@example.net retention.inbox", "policy unset --provider store.deferred"});
  unsetter.add_option("address", undecided->words[0], "any address of the user; not with --provider")
      ->type_name("ADDRESS");
  unsetter.add_option("key", undecided->words[1], "the policy")->type_name("KEY");
  unsetter.add_flag("--provider", undecided->provider, "for all accounts");
  on_run<Options>(unsetter, context, undecided, unset);

  auto swept = std::make_shared<Options>();
  CLI::App& sweeper = add_verb(noun, "sweep", "remove what retention policies say, now; the server does it by itself",
                               {"policy sweep --dry-run", "policy sweep alice@example.net"});
  sweeper.add_option("address", swept->address, "any address of one user; default: all accounts")->type_name("ADDRESS");
  sweeper.add_flag("--dry-run", swept->dry_run, "only say what would be removed");
  on_run<Options>(sweeper, context, swept, sweep);
}

}  // namespace cpm::admin
