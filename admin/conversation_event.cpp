// cpmctl conversation apply-event: flags that a device reported to the network by an event document.
#include "admin/cli.h"
#include "admin/conversation_verbs.h"
#include "admin/message_verbs.h"
#include "imap/cpm/event_request.h"
#include "schema/events.h"

#include <fstream>
#include <iostream>

namespace cpm::admin {

namespace {

using schema::Transaction;

struct Options {
  std::string address, file;
};

// One octet more than there may be tells the parser that it is too long.
Result<std::string> read_document(Context& context, const std::string& path) {
  std::ifstream file;
  if (path != "-") {
    file.open(path, std::ios::binary);
    if (!file) return fail(Failure::not_found, path + " cannot be read");
  }
  std::istream& in = path == "-" ? context.io.in : file;
  std::string octets(imap::cpm_objects::kEventDocumentOctets + 1, '\0');
  in.read(octets.data(), static_cast<std::streamsize>(octets.size()));
  octets.resize(static_cast<std::size_t>(in.gcount()));
  return octets;
}

std::string outcome_text(schema::EventOutcome outcome) {
  if (outcome == schema::EventOutcome::not_found) return "not found";
  return outcome == schema::EventOutcome::applied ? "applied" : "unchanged";
}

std::string name_of(const schema::EventObject& object) {
  std::string out = object.message_id;
  if (object.uid.value != 0) out += (out.empty() ? "UID " : ", UID ") + std::to_string(object.uid.value);
  if (!object.folder.empty()) out += " in " + object.folder;
  return out;
}

std::string flag_text(const schema::FlagSet& flags) {
  std::string out;
  for (const std::string& name : flag_list(flags)) out += (out.empty() ? "" : " ") + name;
  return out;
}

void report(Context& context, const schema::EventRequest& request, const schema::EventResult& result) {
  Json objects = Json::array();
  for (const schema::EventAnswer& answer : result.answers) {
    const schema::EventOperation& operation = request.operations[answer.operation];
    const schema::EventObject& object = operation.objects[answer.object];
    const std::string flag = flag_text(operation.flags);
    if (!context.json) {
      context.io.out << outcome_text(answer.outcome) << ": " << (operation.add ? "+" : "-") << flag << ' '
                     << printable(name_of(object)) << '\n';
      continue;
    }
    Json places = Json::array();
    for (const schema::EventPlace& place : answer.places)
      places.push_back({{"mailbox", place.path}, {"uid", place.uid.value}});
    objects.push_back({{"outcome", outcome_text(answer.outcome)},
                       {"operation", operation.add ? "add" : "remove"},
                       {"flag", flag},
                       {"message_id", object.message_id},
                       {"folder", object.folder},
                       {"uid", object.uid.value},
                       {"places", places}});
  }
  print_done(context,
             std::to_string(result.applied) + " applied, " + std::to_string(result.unchanged) + " unchanged, " +
                 std::to_string(result.not_found) + " not found",
             {{"applied", result.applied},
              {"unchanged", result.unchanged},
              {"not_found", result.not_found},
              {"objects", objects}});
}

Result<void> apply_event(Context& context, const Options& options) {
  CPM_TRY(config, context.config());
  CPM_TRY(octets, read_document(context, options.file));
  CPM_TRY(request, imap::cpm_objects::read_event(octets, config->limits));
  auto who = context.principal(options.address);
  if (!who) return hint_missing_user(who.error());
  CPM_TRY(result, context.run([&](Transaction& tx) { return schema::apply_event(tx, *who, request, config->limits); }));
  for (const MailboxId mailbox : result.changed_mailboxes) tell_nodes(context, who->account, mailbox);
  report(context, request, result);
  return {};
}

}  // namespace

void add_conversation_event(CLI::App& noun, Context& context) {
  auto options = std::make_shared<Options>();
  CLI::App& verb = add_verb(noun, "apply-event",
                            "set the flags that a device reported by an event document "
                            "(application/vnd.oma.cpm-eventfw+xml): all of it, or nothing; what is not found is told",
                            {"conversation apply-event alice@example.net event.xml",
                             "conversation apply-event alice@example.net - --json < event.xml"});
  verb.add_option("address", options->address, "any address of the user")->required()->type_name("ADDRESS");
  verb.add_option("file", options->file, "the document; - is standard input")->required()->type_name("FILE");
  on_run<Options>(verb, context, options, apply_event);
}

}  // namespace cpm::admin
