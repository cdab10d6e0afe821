// cpmctl message import: mbox, Maildir and .eml into a mailbox, in batches that are stored whole or not at all.
#include "admin/cli.h"
#include "admin/import_source.h"
#include "admin/message_verbs.h"
#include "admin/size.h"
#include "base/imap_words.h"
#include "imap/deliver/deliver.h"
#include "schema/append.h"
#include "schema/mailboxes.h"

#include <algorithm>
#include <iostream>
#include <map>

namespace cpm::admin {

namespace {

using schema::Transaction;
constexpr std::size_t kBatchMessages = 100;
constexpr std::uint64_t kBatchOctets = 8U << 20;

struct Options {
  std::string address, mailbox, path, format = "auto";
  bool create = false;
};

struct Pending {
  std::string where;
  schema::NewMessage message;
};

// RFC 9051 flag-keyword: an atom.
bool is_keyword(const std::string& name, const Limits& limits) {
  return name.size() <= limits.keyword_octets && is_atom(name);
}

class Import {
 public:
  Import(Context& context, const Config& config, schema::Principal who, std::string path)
      : context_(context),
        limits_(config.limits),
        roots_(config.cpm_roots),
        who_(std::move(who)),
        path_(std::move(path)) {}

  Result<void> run(ImportSource& source);
  Result<void> report(ImportFormat format, const Result<void>& outcome);

 private:
  void add(ImportItem& item);
  Result<void> flush();
  Result<schema::AppendResult> deposit(const std::vector<Pending>& messages);
  void stored(const schema::AppendResult& result, const std::vector<Pending>& messages);

  Context& context_;
  const Limits& limits_;
  const std::vector<std::string>& roots_;
  const schema::Principal who_;
  const std::string path_;
  std::vector<Pending> batch_;
  std::uint64_t batch_octets_ = 0;
  std::uint64_t imported_ = 0, octets_ = 0;
  UidValidity uidvalidity_;
  UidSet uids_;
  std::vector<Skipped> skipped_;
  std::map<std::string, std::uint64_t> dropped_keywords_;
};

void Import::add(ImportItem& item) {
  if (!item.skipped.empty()) {
    skipped_.push_back({item.where, item.skipped});
    return;
  }
  std::erase_if(item.flags.keywords, [&](const std::string& name) {
    if (is_keyword(name, limits_)) return false;
    ++dropped_keywords_[name];
    return true;
  });
  // As a deposit over IMAP; the source has seen to line ends.
  const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  auto message = imap::make_message(std::move(*item.octets), true, std::move(item.flags), item.date.value_or(now),
                                    limits_, {}, {path_, &roots_});
  if (!message) {
    skipped_.push_back({item.where, message.error().text});
    return;
  }
  if (!item.date) message->internal_date = message->head.sent_at.value_or(now);
  batch_octets_ += message->octets->size();
  batch_.push_back({std::move(item.where), std::move(*message)});
}

Result<schema::AppendResult> Import::deposit(const std::vector<Pending>& messages) {
  // Nothing is staged for a mailbox that cannot take it.
  std::vector<schema::StagedMessage> staged;
  for (const Pending& pending : messages) {
    auto one = context_.run([&](Transaction& tx) { return schema::stage(tx, who_.account, pending.message, limits_); });
    if (!one) return one.error();
    staged.push_back(std::move(*one));
  }
  MailboxId mailbox;
  auto done = context_.run([&](Transaction& tx) -> Result<schema::AppendResult> {
    CPM_TRY(grant, schema::authorize(tx, who_, path_, schema::kInsert));
    mailbox = grant.mailbox().id;
    auto copy = staged;  // this function may run again
    return schema::deposit(tx, grant, copy, limits_);
  });
  if (done) tell_nodes(context_, who_.account, mailbox);
  return done;
}

void Import::stored(const schema::AppendResult& result, const std::vector<Pending>& messages) {
  imported_ += messages.size();
  for (const Pending& pending : messages) octets_ += pending.message.octets->size();
  uidvalidity_ = result.uidvalidity;
  uids_.merge(result.uids);
}

Result<void> Import::flush() {
  std::vector<Pending> batch = std::move(batch_);
  batch_.clear();
  batch_octets_ = 0;
  if (batch.empty()) return {};
  const auto together = deposit(batch);
  if (together) {
    stored(*together, batch);
    return {};
  }
  const auto stops = [](Failure failure) {
    return hopeless(failure) || failure == Failure::not_found || failure == Failure::denied ||
           failure == Failure::timeout;
  };
  if (stops(together.error().failure)) return together.error();
  // One of them is the reason: one by one, so that only that one is left out.
  for (Pending& pending : batch) {
    std::vector<Pending> alone;
    alone.push_back(std::move(pending));
    const auto done = deposit(alone);
    if (done) {
      stored(*done, alone);
    } else if (stops(done.error().failure)) {
      return done.error();
    } else {
      skipped_.push_back({alone.front().where, done.error().text});
    }
  }
  return {};
}

Result<void> Import::run(ImportSource& source) {
  Progress progress(context_, "importing");
  ImportItem item;
  while (source.next(item)) {
    add(item);
    if (batch_.size() >= kBatchMessages || batch_octets_ >= kBatchOctets) CPM_CHECK(flush());
    progress.show(imported_, source.done(), source.total());
  }
  return flush();
}

Result<void> Import::report(ImportFormat format, const Result<void>& outcome) {
  if (context_.json) {
    Json dropped = Json::array();
    for (const auto& [name, count] : dropped_keywords_) dropped.push_back({{"keyword", name}, {"messages", count}});
    print_json(context_.io.out, {{"format", format_name(format)},
                                 {"mailbox", path_},
                                 {"imported", imported_},
                                 {"octets", octets_},
                                 {"uidvalidity", uidvalidity_.value},
                                 {"uids", uids_.to_string()},
                                 {"skipped", skipped_json(skipped_)},
                                 {"dropped_keywords", dropped}});
  } else {
    print_skipped(context_, skipped_);
    for (const auto& [name, count] : dropped_keywords_) {
      context_.io.err << "keyword \"" << printable(name) << "\" is not possible in IMAP; left out of " << count
                      << " messages\n";
    }
    context_.io.out << "imported " << imported_ << " messages (" << size_text(octets_) << ") from "
                    << format_name(format) << " into " << printable(path_);
    if (!uids_.empty()) context_.io.out << " as UID " << uids_.to_string();
    context_.io.out << '\n';
  }
  if (!outcome) {
    return with_hint(
        outcome.error(),
        "The import stopped there; what was imported stays. Importing the same source again stores it twice");
  }
  if (!skipped_.empty()) return fail(Failure::corrupt, std::to_string(skipped_.size()) + " messages were skipped");
  return {};
}

Result<void> make_sure_of(Context& context, const schema::Principal& who, const std::string& path, bool create,
                          const Limits& limits) {
  bool made = false;
  auto there = context.run([&](Transaction& tx) -> Result<void> {
    auto grant = schema::authorize(tx, who, path, schema::kInsert);
    if (grant) return {};
    if (grant.error().failure != Failure::not_found || !create) return grant.error();
    CPM_CHECK(schema::create_mailbox(tx, who, path, schema::SpecialUse::none, limits));
    made = true;
    return {};
  });
  if (there && made) tell_nodes(context, who.account, MailboxId{});
  if (!there && there.error().failure == Failure::not_found) {
    return fail(Failure::not_found, who.address + " has no mailbox \"" + path +
                                        "\"\nAdd --create to make it, or see: cpmctl mailbox list " + who.address);
  }
  return there;
}

ImportFormat format_of(const std::string& name) {
  for (const ImportFormat format : {ImportFormat::mbox, ImportFormat::maildir, ImportFormat::eml}) {
    if (name == format_name(format)) return format;
  }
  return ImportFormat::automatic;
}

Result<void> import(Context& context, const Options& options) {
  CPM_TRY(config, context.config());
  auto who = context.principal(options.address);
  if (!who) return hint_missing_user(who.error());
  ImportFormat format = format_of(options.format);
  CPM_TRY(source, open_source(options.path, format, config->limits));
  if (format == ImportFormat::automatic) {
    CPM_TRY(found, detect_format(options.path));
    format = found;
  }
  const std::string path = canonical_path(options.mailbox);
  CPM_CHECK(make_sure_of(context, *who, path, options.create, config->limits));
  Import work(context, *config, *who, path);
  const Result<void> outcome = work.run(*source);
  return work.report(format, outcome);
}

}  // namespace

void add_message_import(CLI::App& noun, Context& context) {
  auto options = std::make_shared<Options>();
  CLI::App& verb = add_verb(noun, "import",
                            "store messages from an mbox file, a Maildir or .eml files; bare line feeds become CRLF, "
                            "flags and dates are taken over",
                            {"message import alice@example.net INBOX ~/Maildir",
                             "message import alice@example.net Old/2019 old.mbox --create",
                             "message import alice@example.net INBOX letter.eml --json"});
  verb.add_option("address", options->address, "any address of the user")->required()->type_name("ADDRESS");
  verb.add_option("mailbox", options->mailbox, "where the messages go")->required()->type_name("MAILBOX");
  verb.add_option("path", options->path, "mbox file, Maildir, .eml file or folder of .eml files")
      ->required()
      ->type_name("PATH");
  verb.add_option("--format", options->format, "auto, mbox, maildir or eml")
      ->check(CLI::IsMember({"auto", "mbox", "maildir", "eml"}))
      ->type_name("FORMAT");
  verb.add_flag("--create", options->create, "make the mailbox if it is missing");
  on_run<Options>(verb, context, options, import);
}

}  // namespace cpm::admin
