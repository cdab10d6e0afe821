// cpmctl conversation export: one file with everything in it, written while it is read.
#include "admin/cli.h"
#include "admin/conversation_archive.h"
#include "admin/conversation_verbs.h"

#include <filesystem>
#include <fstream>
#include <iostream>

namespace cpm::admin {

namespace {

struct Options {
  std::string address, name, format, to;
};

Result<void> write(Context& context, const OpenConversation& conversation, const std::string& format,
                   std::ostream& out) {
  const auto sink = format == "html" ? html_archive(out) : json_archive(out, true);
  CPM_CHECK(pour(context, conversation, *sink, true));
  out.flush();
  if (!out) return fail(Failure::internal, "the archive could not be written: is the disk full?");
  return {};
}

Result<void> export_to(Context& context, const Options& options) {
  CPM_TRY(conversation, open_conversation(context, options.address, options.name));
  CPM_CHECK(context.run([&](schema::Transaction& tx) -> Result<void> {  // octets leave: the record says so
    context.note(tx, schema::AuditCommand::fetch, conversation.who.account,
                 {{"how", "export"}, {"conversation", options.name}});
    return {};
  }));
  if (options.to == "-") return write(context, conversation, options.format, context.io.out);
  std::error_code error;
  if (std::filesystem::exists(options.to, error))
    return fail(Failure::exists, options.to + " exists already\nName a file that does not exist");
  std::ofstream file(options.to, std::ios::binary);
  if (!file) return fail(Failure::denied, options.to + " cannot be written");
  const auto written = write(context, conversation, options.format, file);
  file.close();
  if (!written) {
    // What is complete but for some objects is kept.
    if (written.error().failure != Failure::corrupt) std::filesystem::remove(options.to, error);
    return written;
  }
  print_done(context, "exported " + std::to_string(conversation.row.messages) + " messages to " + options.to,
             {{"threadid", thread_text(conversation.row.id)},
              {"messages", conversation.row.messages},
              {"objects", conversation.row.objects},
              {"format", options.format},
              {"to", options.to}});
  return {};
}

}  // namespace

void add_conversation_export(CLI::App& noun, Context& context) {
  auto options = std::make_shared<Options>();
  CLI::App& verb =
      add_verb(noun, "export", "one file with the whole conversation and its media: a page for a browser, or JSON",
               {"conversation export alice@example.net tel:+15550100 --format html --to bob.html",
                "conversation export alice@example.net tel:+15550100 --format json --to - | jq ."});
  verb.add_option("address", options->address, "any address of the user")->required()->type_name("ADDRESS");
  verb.add_option("conversation", options->name, "the other party's address, the Conversation-ID, or the THREADID")
      ->required()
      ->type_name("CONVERSATION");
  verb.add_option("--format", options->format, "html or json")
      ->required()
      ->check(CLI::IsMember({"html", "json"}))
      ->type_name("FORMAT");
  verb.add_option("--to", options->to, "a file, which must not exist yet; - is standard output")
      ->required()
      ->type_name("FILE");
  on_run<Options>(verb, context, options, export_to);
}

}  // namespace cpm::admin
