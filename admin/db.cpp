// cpmctl db: the database's state, migrations, the optional text index, and the check of the store's invariants.
#include "admin/cli.h"
#include "admin/output.h"
#include "admin/size.h"
#include "schema/check.h"
#include "schema/migrate.h"
#include "schema/text_index.h"
#include "schema/wall.h"

#include <iostream>

namespace cpm::admin {

namespace {

struct Options {
  std::string address;
  bool digests = false;
  std::string action = "show";  // of text-index
};

Result<void> status(Context& context, const Options&) {
  CPM_TRY(config, context.config());
  CPM_TRY(database, context.database());
  CPM_TRY(state, schema::schema_state(*database));
  const bool embedded = config->database.url.empty();
  const std::string where = embedded ? "embedded in " + config->data : masked_url(config->database.url);
  const char* verdict = state.applied == state.known  ? "current"
                        : state.applied > state.known ? "newer than this program"
                        : state.applied == 0          ? "empty"
                                                      : "behind";
  CPM_TRY(walled, schema::wall_holds(*database));
  if (context.json) {
    print_json(context.io.out, {{"database", where},
                                {"embedded", embedded},
                                {"schema", state.applied},
                                {"known", state.known},
                                {"state", verdict},
                                {"row_security", walled}});
    return {};
  }
  context.io.out << "database  " << where << '\n'
                 << "schema    version " << state.applied << " of " << state.known << ", " << verdict << '\n';
  if (!walled) {
    context.io.out << "This login is a superuser or has BYPASSRLS: PostgreSQL does not keep accounts apart for it\n";
  }
  if (state.applied < state.known) context.io.out << "Bring it up to date: cpmctl db migrate\n";
  return {};
}

Result<void> migrate(Context& context, const Options&) {
  CPM_TRY(database, context.database());
  CPM_TRY(before, schema::schema_state(*database));
  CPM_TRY(after, schema::migrate(*database));
  const std::string sentence =
      before.applied == after.applied
          ? "schema version " + std::to_string(after.applied) + ": nothing to do"
          : "schema version " + std::to_string(before.applied) + " -> " + std::to_string(after.applied);
  print_done(context, sentence, {{"before", before.applied}, {"after", after.applied}});
  // Conversations came with version 9; a new store has nothing to look for.
  if (!context.json && before.applied > 0 && before.applied < 9 && after.applied >= 9)
    context.io.out << "Then find the conversations of what is stored already: cpmctl conversation reindex --all\n";
  return {};
}

Result<void> text_index(Context& context, const Options& options) {
  CPM_TRY(database, context.store());
  if (options.action == "create") CPM_CHECK(schema::create_text_index(*database));
  if (options.action == "drop") CPM_CHECK(schema::drop_text_index(*database));
  CPM_TRY(index, schema::text_index(*database));
  using State = schema::TextIndex::State;
  if (options.action == "create" && index.state != State::ready) {
    return fail(Failure::in_use, "the text index is not complete: another command works on it");
  }
  const char* state = index.state == State::ready ? "ready" : index.state == State::none ? "none" : "incomplete";
  if (context.json) {
    print_json(context.io.out, {{"text_index", state}, {"octets", index.octets}});
    return {};
  }
  context.io.out << "text index  " << state;
  if (index.octets > 0) context.io.out << ", " << size_text(index.octets);
  context.io.out << '\n';
  if (index.state == State::incomplete) {
    context.io.out
        << "It is being made, or its making was cut short: then make it anew by cpmctl db text-index create\n";
  }
  return {};
}

Result<void> check(Context& context, const Options& options) {
  CPM_TRY(database, context.store());
  Json findings = Json::array();
  const auto found = [&](const schema::CheckFinding& finding) {
    if (context.json) {
      findings.push_back({{"account", finding.account}, {"mailbox", finding.mailbox}, {"what", finding.what}});
      return;
    }
    context.io.out << finding.account;
    if (!finding.mailbox.empty()) context.io.out << "  " << printable(finding.mailbox);
    context.io.out << "  " << printable(finding.what) << '\n';
  };
  auto summary = schema::check(*database, {options.address, options.digests}, found);
  if (!summary) return hint_missing_user(summary.error());
  if (context.json) {
    print_json(context.io.out, {{"accounts", summary->accounts},
                                {"mailboxes", summary->mailboxes},
                                {"messages", summary->messages},
                                {"digests", options.digests},
                                {"findings", findings}});
  } else {
    context.io.out << "checked " << summary->accounts << " accounts, " << summary->mailboxes << " mailboxes, "
                   << summary->messages << " messages" << (options.digests ? ", octet for octet" : "") << ": "
                   << (summary->findings == 0 ? "no findings" : std::to_string(summary->findings) + " findings")
                   << '\n';
  }
  if (summary->findings != 0) {
    return fail(Failure::corrupt,
                "the store contradicts itself; keep a copy of the database before anything else is done");
  }
  return {};
}

}  // namespace

void add_database(CLI::App& root, Context& context) {
  CLI::App& noun = add_noun(root, "db", "the database: state, migrations, check", {"db status", "db check --digests"});
  const auto one = [&](const char* name, const char* help, const std::vector<std::string>& examples,
                       Result<void> (*function)(Context&, const Options&)) -> std::pair<CLI::App&, Options&> {
    auto options = std::make_shared<Options>();
    CLI::App& verb = add_verb(noun, name, help, examples);
    on_run<Options>(verb, context, options, function);
    return {verb, *options};
  };
  one("status", "which database, and which version its schema has", {"db status", "db status --json"}, status);
  one("migrate", "bring the schema to the version of this program", {"db migrate"}, migrate);
  auto [index, choice] =
      one("text-index",
          "the optional index for text searches in very large mailboxes; servers use it as soon as it is ready",
          {"db text-index", "db text-index create", "db text-index drop"}, text_index);
  index.add_option("action", choice.action, "show, create or drop; deposits go on meanwhile")
      ->check(CLI::IsMember({"show", "create", "drop"}))
      ->type_name("ACTION");
  auto [verb, options] = one("check", "look for anything that must never be; exit code 1 when there is something",
                             {"db check", "db check alice@example.net --digests"}, check);
  verb.add_option("address", options.address, "only this user")->type_name("ADDRESS");
  verb.add_flag("--digests", options.digests, "also read all octets and compare their digests");
}

}  // namespace cpm::admin
