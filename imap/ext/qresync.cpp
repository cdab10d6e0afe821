// QRESYNC (RFC 7162 part 2): ENABLE QRESYNC and the parameter of SELECT and EXAMINE that brings a client up to date in
// one round trip. The FETCH modifier VANISHED stands in commands/fetch.cpp, VANISHED instead of EXPUNGE in
// session/updates.cpp.
#include "imap/grammar/sequence_set.h"
#include "imap/response/responses.h"
#include "imap/session/annotation_news.h"
#include "imap/session/resync.h"

#include <memory>

namespace cpm::imap::ext::qresync {

namespace {

struct Known {
  UidValidity uidvalidity;
  ModSeq modseq;
  std::optional<UidSet> uids;  // none: all below UIDNEXT
  // Samples: the n-th message number had the n-th UID (RFC 7162 3.2.5.2). Of one size.
  NumberSet match_numbers;
  UidSet match_uids;
};

// "Both MUST be provided in ascending order" (RFC 7162 3.2.5.2).
NumberSet parse_ascending(wire::Lexer& lexer) {
  const grammar::SequenceSet set = grammar::parse_sequence_set(lexer);
  NumberSet out;
  std::uint32_t before = 0;
  for (const auto& range : set.ranges) {  // `*` is 0 and hence never ascending
    if (range.first <= before || range.last < range.first) lexer.bad("Known numbers must ascend");
    out.add(range.first, range.last);
    before = range.last;
  }
  if (out.empty()) lexer.bad("Expected numbers");
  return out;
}

void parse_match(wire::Lexer& lexer, Known& known) {
  lexer.refuse_numbers();  // RFC 9586 3.7
  lexer.take('(');
  known.match_numbers = parse_ascending(lexer);
  lexer.sp();
  known.match_uids = parse_ascending(lexer);
  lexer.take(')');
  if (known.match_numbers.size() != known.match_uids.size()) lexer.bad("As many UIDs as message numbers must be known");
}

Known parse_known(wire::Lexer& lexer) {
  Known known;
  lexer.sp();
  lexer.take('(');
  known.uidvalidity = UidValidity{lexer.nz_number()};
  lexer.sp();
  known.modseq = ModSeq{lexer.number64()};
  if (lexer.try_sp()) {
    if (lexer.peek() != '(') {
      known.uids = grammar::parse_uid_set(lexer);
      if (lexer.try_sp()) parse_match(lexer, known);
    } else {
      parse_match(lexer, known);
    }
  }
  lexer.take(')');
  return known;
}

// The greatest UID up to which the client knows of all expunges: there its count and ours agree.
Uid agreed_up_to(const View& view, const Known& known) {
  Uid agreed;
  auto uid_range = known.match_uids.ranges().begin();
  std::uint32_t uid = uid_range != known.match_uids.ranges().end() ? uid_range->first : 0;
  const std::uint32_t exists = view.exists();
  for (const auto& range : known.match_numbers.ranges()) {
    for (std::uint64_t number = range.first; number <= range.last; ++number) {
      if (number > exists) return agreed;
      if (view.uid_at(Msn{static_cast<std::uint32_t>(number)}).value == uid) agreed = Uid{uid};
      if (uid < uid_range->last) {
        ++uid;
      } else if (++uid_range != known.match_uids.ranges().end()) {
        uid = uid_range->first;
      } else {
        return agreed;
      }
    }
  }
  return agreed;
}

// As UID FETCH known (FLAGS) (CHANGEDSINCE modseq VANISHED), without what the samples rule out.
boost::asio::awaitable<Result<void>> resynchronise(Session& session, std::shared_ptr<const Known> known) {
  const View& view = session.selected->view;
  const std::shared_ptr<const Snapshot> snapshot = view.shared();
  if (snapshot->mailbox.uidvalidity != known->uidvalidity) co_return Result<void>{};
  UidSet among;
  if (known->uids) {
    among = *known->uids;
  } else if (snapshot->mailbox.uidnext.value > 1) {
    among.add(1, snapshot->mailbox.uidnext.value - 1);
  }
  auto vanished = co_await vanished_since(session, among, known->modseq);
  if (!vanished) co_return vanished.error();
  if (const Uid agreed = agreed_up_to(view, *known); agreed.value > 0) vanished->remove(1, agreed.value);
  AnnotationNames annotations;
  if (session.selected->annotate) {
    auto names = co_await annotations_since(session, known->modseq);
    if (!names) co_return names.error();
    annotations = std::move(*names);
  }
  session.out << Vanished{std::move(*vanished), true};
  for (const auto& range : among.ranges()) {
    for (std::size_t i = snapshot->lower_bound(range.first); i < snapshot->size() && snapshot->uids[i] <= range.last;
         ++i) {
      if (snapshot->modseqs[i] <= known->modseq.value) continue;
      const schema::MessageFlags flags = snapshot->flags_at(i);
      session.out << FetchFlags{static_cast<std::uint32_t>(i + 1), flags.uid.value,
                                flag_names_for(session, flags, snapshot->keywords), flags.modseq.value,
                                std::move(annotations[flags.uid.value])};
      auto sent = co_await session.out.relieve();
      if (!sent) co_return sent.error();
      if (session.terminated) co_return being_ended();
    }
  }
  co_return Result<void>{};
}

SelectAction parse_parameter(wire::Lexer& lexer, const ParseContext& context) {
  if (!context.qresync) lexer.bad("ENABLE QRESYNC first");
  auto known = std::make_shared<const Known>(parse_known(lexer));
  return SelectAction{{}, [known](Session& session) { return resynchronise(session, known); }};
}

}  // namespace

Extension describe() {
  Extension extension;
  extension.name = "qresync";
  extension.rfcs = {"RFC 7162"};
  extension.capabilities = {{"QRESYNC"}};
  extension.requires_names = {"condstore", "enable"};
  extension.enables = {{"QRESYNC", [](Session& session) {
                          session.enable_qresync();
                          session.enabled.knows_closed = true;
                        }}};
  extension.select_parameters = {{"QRESYNC", parse_parameter}};
  extension.response_codes = {"CLOSED", "HIGHESTMODSEQ"};
  return extension;
}

}  // namespace cpm::imap::ext::qresync
