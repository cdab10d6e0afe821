// cpmctl message export: one mailbox or all of them as mbox, Maildir or .eml. A message that cannot be read is reported
// and left out; the export goes on.
#include "admin/cli.h"
#include "admin/export_sink.h"
#include "admin/message_verbs.h"
#include "admin/size.h"
#include "imap/mime/envelope.h"
#include "schema/mailboxes.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <iostream>

namespace cpm::admin {

namespace {

namespace fs = std::filesystem;
using schema::MessageRow;
using schema::Transaction;

constexpr std::size_t kPage = 100;
constexpr std::uint64_t kInline = 64 * 1024;  // larger ones are read on their own
constexpr std::uint32_t kColumns = schema::kColumnHeader | schema::kColumnBody | schema::kColumnBytes;

struct Options {
  std::string address, mailbox, format, to;
};

ExportFormat format_of(const std::string& name) {
  if (name == "maildir") return ExportFormat::maildir;
  return name == "eml" ? ExportFormat::eml : ExportFormat::mbox;
}

// BODY names each part's encoding as a quoted string.
bool has_binary_part(std::string body) {
  std::transform(body.begin(), body.end(), body.begin(), [](unsigned char c) { return std::toupper(c); });
  return body.find("\"BINARY\"") != std::string::npos;
}

std::string sender_of(const std::string& header) {
  for (const imap::mime::Address& address : imap::mime::parse_envelope(header).from) {
    if (!address.mailbox || !address.host) continue;
    return address.host->empty() ? *address.mailbox : *address.mailbox + "@" + *address.host;
  }
  return {};
}

class Export {
 public:
  Export(Context& context, ExportFormat format) : context_(context), format_(format), progress_(context, "exporting") {}

  // A failure stops the whole export; everything else becomes an entry of the report.
  Result<void> mailbox(const schema::Principal& who, const std::string& path, const std::string& to, bool only);
  Result<void> report(const Options& options, const Result<void>& outcome);
  void expect(std::uint64_t messages) { expected_ = messages; }

 private:
  Result<void> page(const MailboxContent& content, std::size_t begin, std::size_t end, ExportSink& sink);
  Result<void> message(const MailboxContent& content, const MessageRow& row, const schema::MessageFlags& state,
                       ExportSink& sink);
  void skip(const MailboxContent& content, Uid uid, const std::string& why) {
    skipped_.push_back({content.mailbox.path + " UID " + std::to_string(uid.value), why});
  }

  Context& context_;
  const ExportFormat format_;
  Progress progress_;
  std::uint64_t expected_ = 0, seen_ = 0;
  std::uint64_t exported_ = 0, octets_ = 0, mailboxes_ = 0;
  std::vector<Skipped> skipped_;
  std::vector<std::string> notes_;
};

Result<void> Export::message(const MailboxContent& content, const MessageRow& row, const schema::MessageFlags& state,
                             ExportSink& sink) {
  auto octets = read_message(context_, content, row);
  if (!octets) {
    if (hopeless(octets.error().failure)) return octets.error();
    skip(content, row.uid, octets.error().text);
    return {};
  }
  ExportMessage message;
  message.uid = row.uid;
  message.uidvalidity = content.mailbox.uidvalidity;
  message.internal_date = row.internal_date;
  message.flags = flags_of(content, state);
  message.sender = sender_of(row.header);
  message.binary = has_binary_part(row.body);
  message.octets = std::move(*octets);
  CPM_CHECK(sink.put(message));
  ++exported_;
  octets_ += message.octets->size();
  return {};
}

Result<void> Export::page(const MailboxContent& content, std::size_t begin, std::size_t end, ExportSink& sink) {
  UidSet uids;
  for (std::size_t i = begin; i < end; ++i) uids.add(content.messages[i].uid.value);
  const auto rows = read_rows(context_, content, uids, kColumns, kInline);
  if (!rows) {
    if (hopeless(rows.error().failure)) return rows.error();
    if (end - begin == 1) {
      skip(content, content.messages[begin].uid, rows.error().text);
      return {};
    }
    // One row is bad: find it by halves, so that its neighbours are exported.
    const std::size_t middle = begin + (end - begin) / 2;
    CPM_CHECK(page(content, begin, middle, sink));
    return page(content, middle, end, sink);
  }
  CPM_CHECK(record_download(context_, content, *rows, "export"));
  auto row = rows->begin();
  for (std::size_t i = begin; i < end; ++i) {
    const schema::MessageFlags& state = content.messages[i];
    while (row != rows->end() && row->uid < state.uid) ++row;
    if (row == rows->end() || row->uid != state.uid) {
      skip(content, state.uid, "it was expunged meanwhile, or its content is missing (cpmctl db check)");
    } else {
      CPM_CHECK(message(content, *row, state, sink));
    }
    progress_.show(exported_, ++seen_, expected_);
  }
  return {};
}

Result<void> Export::mailbox(const schema::Principal& who, const std::string& path, const std::string& to, bool only) {
  const auto content = read_mailbox(context_, who, path);
  if (!content) {
    if (only || hopeless(content.error().failure)) return content.error();
    skipped_.push_back({path, content.error().text});
    return {};
  }
  if (only) expected_ = content->messages.size();
  const bool to_stdout = to == "-";
  auto sink = to_stdout ? Result<std::unique_ptr<ExportSink>>(mbox_to(context_.io.out)) : open_sink(format_, to);
  if (!sink) {
    if (only) return sink.error();
    skipped_.push_back({path, sink.error().text});
    return {};
  }
  ++mailboxes_;
  for (std::size_t at = 0; at < content->messages.size(); at += kPage) {
    CPM_CHECK(page(*content, at, std::min(at + kPage, content->messages.size()), **sink));
  }
  CPM_CHECK((*sink)->finish());
  for (std::string& note : (*sink)->notes()) notes_.push_back(std::move(note));
  return {};
}

Result<void> Export::report(const Options& options, const Result<void>& outcome) {
  progress_.clear();
  // Standard output may be the mbox itself.
  std::ostream& out = options.to == "-" ? context_.io.err : context_.io.out;
  if (context_.json) {
    print_json(out, {{"format", options.format},
                     {"to", options.to},
                     {"mailboxes", mailboxes_},
                     {"exported", exported_},
                     {"octets", octets_},
                     {"skipped", skipped_json(skipped_)},
                     {"notes", notes_}});
  } else {
    print_skipped(context_, skipped_);
    for (const std::string& note : notes_) context_.io.err << printable(note) << '\n';
    out << "exported " << exported_ << " messages (" << size_text(octets_) << ") of " << mailboxes_
        << (mailboxes_ == 1 ? " mailbox to " : " mailboxes to ") << options.to << '\n';
  }
  if (!outcome) return with_hint(outcome.error(), "The export is not complete");
  if (!skipped_.empty()) return fail(Failure::corrupt, std::to_string(skipped_.size()) + " could not be exported");
  return {};
}

Result<void> check_folder(const std::string& path) {
  std::error_code error;
  if (path == "-")
    return fail(Failure::invalid, "only one mailbox can go to standard output\nName it, or a folder with --to");
  if (!fs::exists(path, error) || (fs::is_directory(path, error) && fs::is_empty(path, error))) return {};
  return fail(Failure::exists, path + " exists already and is not an empty folder\nName a folder that does not exist");
}

Result<void> export_all(Context& context, const Options& options, const schema::Principal& who, Export& work) {
  CPM_TRY(rows, context.run([&](Transaction& tx) { return schema::list_mailboxes(tx, who); }));
  std::uint64_t messages = 0;
  for (const schema::MailboxRow& row : rows) messages += row.messages;
  work.expect(messages);
  for (const schema::MailboxRow& row : rows) {
    CPM_CHECK(work.mailbox(who, row.path, export_path(format_of(options.format), options.to, row.path), false));
  }
  return {};
}

Result<void> run_export(Context& context, const Options& options) {
  const bool all = options.mailbox.empty();
  if (!all && options.to == "-" && options.format != "mbox")
    return fail(Failure::invalid, "only mbox can go to standard output");
  if (all || options.format == "eml") CPM_CHECK(check_folder(options.to));
  auto who = context.principal(options.address);
  if (!who) return hint_missing_user(who.error());
  Export work(context, format_of(options.format));
  const Result<void> outcome = all ? export_all(context, options, *who, work)
                                   : work.mailbox(*who, canonical_path(options.mailbox), options.to, true);
  return work.report(options, outcome);
}

}  // namespace

void add_message_export(CLI::App& noun, Context& context) {
  auto options = std::make_shared<Options>();
  CLI::App& verb = add_verb(noun, "export", "write messages to files; what cannot be read is reported and left out",
                            {"message export alice@example.net --format maildir --to backup/alice",
                             "message export alice@example.net INBOX --format mbox --to inbox.mbox",
                             "message export alice@example.net Work/2024 --format mbox --to - | gzip > work.mbox.gz"});
  verb.add_option("address", options->address, "any address of the user")->required()->type_name("ADDRESS");
  verb.add_option("mailbox", options->mailbox, "one mailbox; default: all")->type_name("MAILBOX");
  verb.add_option("--format", options->format, "mbox, maildir or eml; only maildir keeps the flags")
      ->required()
      ->check(CLI::IsMember({"mbox", "maildir", "eml"}))
      ->type_name("FORMAT");
  verb.add_option("--to", options->to,
                  "a file (mbox of one mailbox; - is standard output) or a folder, which must not exist yet")
      ->required()
      ->type_name("PATH");
  on_run<Options>(verb, context, options, run_export);
}

}  // namespace cpm::admin
