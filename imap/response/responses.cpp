#include "imap/response/responses.h"

#include "imap/session/session.h"

namespace cpm::imap {

void encode(wire::Encoder& out, const Untagged& response) {
  out.raw("* ").raw(response.kind).sp();
  if (!response.code.empty()) out.raw("[").raw(response.code).raw("] ");
  out.human(response.text).crlf();
}

void encode(wire::Encoder& out, const Line& response) { out.raw("* ").raw(response.text).crlf(); }
void encode(wire::Encoder& out, const Continue& response) { out.raw("+ ").human(response.text).crlf(); }
void encode(wire::Encoder& out, const Exists& response) { out.raw("* ").number(response.count).raw(" EXISTS\r\n"); }
void encode(wire::Encoder& out, const Recent& response) { out.raw("* ").number(response.count).raw(" RECENT\r\n"); }
void encode(wire::Encoder& out, const Expunge& response) { out.raw("* ").number(response.msn).raw(" EXPUNGE\r\n"); }

void encode(wire::Encoder& out, const Vanished& response) {
  constexpr std::size_t kRangesInALine = 500;  // the longest stay below 11 KiB
  const auto& ranges = response.uids.ranges();
  for (std::size_t begin = 0; begin < ranges.size(); begin += kRangesInALine) {
    UidSet part;
    for (std::size_t i = begin; i < std::min(ranges.size(), begin + kRangesInALine); ++i) {
      part.add(ranges[i].first, ranges[i].last);
    }
    out.raw("* VANISHED ").raw(response.earlier ? "(EARLIER) " : "").raw(part.to_string()).crlf();
  }
}

void encode(wire::Encoder& out, const FlagsList& response) { out.raw("* FLAGS ").flags(response.names).crlf(); }

void encode(wire::Encoder& out, const SearchData& response) {
  out.raw("* SEARCH");
  for (const std::uint32_t number : response.numbers) out.sp().number(number);
  if (response.modseq && !response.numbers.empty()) out.raw(" (MODSEQ ").number(*response.modseq).raw(")");
  out.crlf();
}

void encode(wire::Encoder& out, const StatusData& response) {
  out.raw("* STATUS ").mailbox_atom(response.path).raw(" (");
  for (std::size_t i = 0; i < response.items.size(); ++i) {
    if (i > 0) out.sp();
    out.raw(response.items[i].first).sp().raw(response.items[i].second.text);
  }
  out.raw(")").crlf();
}

void encode(wire::Encoder& out, const ListData& response) {
  out.raw("* ").raw(response.command).sp().flags(response.attributes).raw(" \"/\" ").mailbox_quoted(response.path);
  if (response.child_info_subscribed || !response.old_name.empty()) {
    out.raw(" (");
    if (response.child_info_subscribed) out.raw("\"CHILDINFO\" (\"SUBSCRIBED\")");
    if (!response.old_name.empty()) {
      if (response.child_info_subscribed) out.sp();
      out.raw("\"OLDNAME\" (").mailbox_quoted(response.old_name).raw(")");
    }
    out.raw(")");
  }
  out.crlf();
}

void encode(wire::Encoder& out, const MyRights& response) {
  out.raw("* MYRIGHTS ").mailbox_quoted(response.path).sp().astring(response.rights).crlf();
}

void encode(wire::Encoder& out, const MetadataValues& response) {
  out.raw("* METADATA ").mailbox_quoted(response.mailbox);
  const char* before = " (";
  for (const auto& [entry, value] : response.values) {
    out.raw(before).astring(entry).sp();
    before = " ";
    if (value && value->find('\0') != std::string::npos) {
      out.literal_head(value->size(), true).raw(*value);
    } else {
      out.nstring(value);
    }
  }
  out.raw(")").crlf();
}

void encode(wire::Encoder& out, const MetadataNames& response) {
  out.raw("* METADATA ").mailbox_quoted(response.mailbox);
  for (const std::string& entry : response.entries) out.sp().astring(entry);
  out.crlf();
}

void encode(wire::Encoder& out, const FetchHead& response) {
  if (out.uid_only()) {
    out.raw("* ").number(response.uid).raw(" UIDFETCH (");
  } else {
    out.raw("* ").number(response.msn).raw(" FETCH (");
  }
}

void encode(wire::Encoder& out, const ConvertedHead& response) {
  out.raw("* ").number(out.uid_only() ? response.uid : response.msn).raw(" CONVERTED (TAG ");
  out.string(response.tag).raw(") (");
}

void encode(wire::Encoder& out, const FetchFlags& response) {
  encode(out, FetchHead{response.msn, response.uid});
  const char* between = "";
  if (!out.uid_only()) {
    out.raw("UID ").number(response.uid);
    between = " ";
  }
  if (response.flags) {
    out.raw(between).raw("FLAGS ").flags(*response.flags);
    between = " ";
  }
  if (response.modseq) {
    out.raw(between).raw("MODSEQ (").number(*response.modseq).raw(")");
    between = " ";
  }
  if (!response.annotations.empty()) {
    out.raw(between).raw("ANNOTATION");
    const char* before = " (";
    for (const std::string& entry : response.annotations) {
      out.raw(before).astring(entry);
      before = " ";
    }
    out.raw(")");
  }
  out.raw(")").crlf();
}

std::vector<std::string> flag_names_for(const Session& session, const schema::MessageFlags& flags,
                                        const schema::KeywordTable& keywords) {
  std::vector<std::string> names;
  std::uint32_t bits = flags.bits;
  if ((bits & schema::kReadReportSent) != 0 && !session.read_report_known) {
    bits = (bits & ~schema::kReadReportSent) | schema::kMdnSent;
  }
  for (const schema::FlagName& flag : schema::flag_names()) {
    if ((bits & flag.bit) != 0) names.emplace_back(flag.name);
  }
  for (const schema::KeywordId id : flags.keywords) {
    if (const std::string* name = keywords.name(id)) names.push_back(*name);
  }
  if (!session.enabled.rev2 && session.selected && session.selected->recent.contains(flags.uid.value)) {
    names.emplace_back("\\Recent");
  }
  return names;
}

}  // namespace cpm::imap
