// cpmctl message list and show: what is in a mailbox.
#include "admin/cli.h"
#include "admin/message_verbs.h"
#include "admin/size.h"
#include "imap/mime/envelope.h"
#include "imap/mime/header.h"
#include "imap/mime/part_map.h"

#include <sodium.h>

#include <algorithm>
#include <iostream>

namespace cpm::admin {

namespace {

namespace mime = imap::mime;
constexpr std::size_t kPage = 500;
constexpr std::size_t kShownSubject = 60;  // characters of a table's column

struct Options {
  std::string address, mailbox;
  std::uint32_t uid = 0;
  std::size_t last = 0;
  bool raw = false, headers = false;
};

std::string field_text(std::string_view header, std::string_view name) {
  const auto field = mime::find_field(header, name);
  return field ? mime::decode_words(mime::unfold(field->value)) : std::string();
}

// The first `count` characters.
std::string shortened(const std::string& text, std::size_t count) {
  std::size_t characters = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if ((static_cast<unsigned char>(text[i]) & 0xc0) != 0x80 && ++characters > count) return text.substr(0, i) + "…";
  }
  return text;
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

Json to_json(const schema::MessageRow& row, const schema::MessageFlags& state, const std::vector<std::string>& flags) {
  return {{"uid", row.uid.value},
          {"size", row.size},
          {"flags", flags},
          {"modseq", state.modseq.value},
          {"internal_date", time_text(row.internal_date)},
          {"save_date", time_text(row.save_date)},
          {"from", field_text(row.header, "From")},
          {"to", field_text(row.header, "To")},
          {"subject", field_text(row.header, "Subject")},
          {"message_id", field_text(row.header, "Message-ID")}};
}

Result<MailboxContent> open(Context& context, const Options& options) {
  auto who = context.principal(options.address);
  if (!who) return hint_missing_user(who.error());
  return read_mailbox(context, *who, options.mailbox);
}

Result<void> list(Context& context, const Options& options) {
  CPM_TRY(content, open(context, options));
  std::size_t at =
      options.last != 0 && content.messages.size() > options.last ? content.messages.size() - options.last : 0;
  Json all = Json::array();
  Table table({">UID", ">SIZE", "DATE", "FLAGS", "FROM", "SUBJECT"});
  while (at < content.messages.size()) {
    const std::size_t end = std::min(at + kPage, content.messages.size());
    UidSet uids;
    for (std::size_t i = at; i < end; ++i) uids.add(content.messages[i].uid.value);
    CPM_TRY(rows, read_rows(context, content, uids, schema::kColumnHeader, 0));
    for (const schema::MessageRow& row : rows) {
      const auto state = std::lower_bound(content.messages.begin(), content.messages.end(), row.uid,
                                          [](const schema::MessageFlags& flags, Uid uid) { return flags.uid < uid; });
      const auto flags = flag_list(flags_of(content, *state));
      if (context.json) {
        all.push_back(to_json(row, *state, flags));
        continue;
      }
      table.add({std::to_string(row.uid.value), size_text(row.size), time_text(row.internal_date),
                 printable(joined(flags)), shortened(printable(field_text(row.header, "From")), kShownSubject / 2),
                 shortened(printable(field_text(row.header, "Subject")), kShownSubject)});
    }
    at = end;
  }
  if (context.json) {
    print_json(context.io.out, all);
  } else {
    table.print(context.io.out);
  }
  return {};
}

std::string base64(const std::string& octets) {
  std::string text(sodium_base64_encoded_len(octets.size(), sodium_base64_VARIANT_ORIGINAL), '\0');
  sodium_bin2base64(text.data(), text.size(), reinterpret_cast<const unsigned char*>(octets.data()), octets.size(),
                    sodium_base64_VARIANT_ORIGINAL);
  text.pop_back();  // its zero octet
  return text;
}

Result<void> show_octets(Context& context, const MailboxContent& content, const schema::MessageRow& row, bool headers) {
  CPM_TRY(spool, read_message(context, content, row));
  const std::uint64_t size = headers ? std::min<std::uint64_t>(row.header_octets, spool->size()) : spool->size();
  std::string block(64 * 1024, '\0');
  std::string kept;
  for (std::uint64_t at = 0; at < size;) {
    const std::size_t got =
        spool->read(at, block.data(), static_cast<std::size_t>(std::min<std::uint64_t>(block.size(), size - at)));
    if (got == 0) break;
    if (context.json) {
      kept.append(block, 0, got);
    } else {
      context.io.out.write(block.data(), static_cast<std::streamsize>(got));
    }
    at += got;
  }
  // Octets need not be text, so JSON carries them in base64.
  if (context.json) print_json(context.io.out, {{"uid", row.uid.value}, {"octets_base64", base64(kept)}});
  return {};
}

Json parts_json(const mime::PartMap& parts) {
  Json all = Json::array();
  for (const auto& entry : parts.entries()) {
    all.push_back({{"type", entry.media_type},
                   {"charset", entry.charset},
                   {"octets", entry.body.size()},
                   {"lines", entry.lines}});
  }
  return all;
}

void print_parts(std::ostream& out, const mime::PartMap& parts) {
  const auto& entries = parts.entries();
  std::vector<std::size_t> depth(entries.size(), 0);
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (i != 0) depth[i] = depth[entries[i].parent] + 1;
    out << std::string(2 * depth[i], ' ') << printable(entries[i].media_type) << "  "
        << size_text(entries[i].body.size()) << '\n';
  }
}

Result<void> show(Context& context, const Options& options) {
  CPM_TRY(content, open(context, options));
  UidSet uids;
  uids.add(options.uid);
  const std::uint32_t columns = options.raw       ? 0U
                                : options.headers ? schema::kColumnHeader
                                                  : schema::kColumnHeader | schema::kColumnPartMap;
  CPM_TRY(rows, read_rows(context, content, uids, columns, 0));
  if (rows.empty()) {
    return fail(Failure::not_found, "there is no message with UID " + std::to_string(options.uid) + " in " +
                                        content.mailbox.path + "\nSee which there are: cpmctl message list " +
                                        content.who.address + " " + content.mailbox.path);
  }
  const schema::MessageRow& row = rows.front();
  if (options.raw) CPM_CHECK(record_download(context, content, rows, "show"));
  if (options.raw || options.headers) return show_octets(context, content, row, options.headers);
  const auto state = std::find_if(content.messages.begin(), content.messages.end(),
                                  [&](const schema::MessageFlags& flags) { return flags.uid == row.uid; });
  if (state == content.messages.end()) return fail(Failure::in_use, "the mailbox is changing; try again");
  const auto flags = flag_list(flags_of(content, *state));
  CPM_TRY(parts, mime::PartMap::decode(row.part_map));
  if (context.json) {
    Json object = to_json(row, *state, flags);
    object["parts"] = parts_json(parts);
    print_json(context.io.out, object);
    return {};
  }
  std::ostream& out = context.io.out;
  for (const char* name : {"From", "To", "Cc", "Date", "Subject", "Message-ID"}) {
    const std::string text = field_text(row.header, name);
    if (!text.empty()) out << name << ": " << printable(text) << '\n';
  }
  out << "\nuid " << row.uid.value << "  modseq " << state->modseq.value << "  size " << size_text(row.size)
      << "\nreceived " << time_text(row.internal_date) << "  saved " << time_text(row.save_date) << "\nflags "
      << printable(joined(flags)) << "\n\n";
  print_parts(out, parts);
  return {};
}

}  // namespace

void add_message(CLI::App& root, Context& context) {
  CLI::App& noun = add_noun(root, "message", "messages of a mailbox: list, show, export, import",
                            {"message list alice@example.net INBOX --last 20",
                             "message export alice@example.net --format maildir --to backup",
                             "message import alice@example.net INBOX ~/Maildir"});
  auto listed = std::make_shared<Options>();
  CLI::App& lister =
      add_verb(noun, "list", "the messages of a mailbox", {"message list alice@example.net INBOX --last 20"});
  lister.add_option("address", listed->address, "any address of the user")->required()->type_name("ADDRESS");
  lister.add_option("mailbox", listed->mailbox, "its path: INBOX, Work/Projects")->required()->type_name("MAILBOX");
  lister.add_option("--last", listed->last, "only the last N")->type_name("N");
  on_run<Options>(lister, context, listed, list);

  auto shown = std::make_shared<Options>();
  CLI::App& shower =
      add_verb(noun, "show", "one message: its facts, its header, or all its octets",
               {"message show alice@example.net INBOX 42", "message show alice@example.net INBOX 42 --raw > 42.eml"});
  shower.add_option("address", shown->address, "any address of the user")->required()->type_name("ADDRESS");
  shower.add_option("mailbox", shown->mailbox, "its path: INBOX, Work/Projects")->required()->type_name("MAILBOX");
  shower.add_option("uid", shown->uid, "the message's UID")
      ->required()
      ->type_name("UID")
      ->check(CLI::Range(1U, 4294967295U).description("UID"));
  shower.add_flag("--raw", shown->raw, "all octets as stored");
  shower.add_flag("--headers", shown->headers, "the header as stored")->excludes("--raw");
  on_run<Options>(shower, context, shown, show);
  add_message_export(noun, context);
  add_message_import(noun, context);
}

}  // namespace cpm::admin
