#include "imap/session/annotation_news.h"

#include "imap/session/notify.h"
#include "schema/annotations.h"

namespace cpm::imap {

bool wants_annotations(const Session& session) {
  if (!session.selected) return false;
  const Notify* notify = session.notify.get();
  if (notify == nullptr || notify->catch_up) return session.selected->annotate;
  return notify->selected != Notify::Selected::nothing && notify->annotations;
}

boost::asio::awaitable<Result<AnnotationNames>> annotations_since(Session& session, ModSeq since) {
  const Selected& selected = *session.selected;
  const std::vector<std::int64_t> own(selected.annotations_own.begin(), selected.annotations_own.end());
  using Changed = std::vector<schema::ChangedAnnotation>;
  auto work = [who = *session.principal, mailbox = selected.view.snapshot().mailbox.id, since,
               own](schema::Transaction& tx) -> Result<Changed> {
    auto grant = schema::authorize(tx, who, mailbox, schema::kRead);
    if (!grant) return grant.error();
    return schema::changed_annotations(tx, *grant, who.account, since, own);
  };
  auto changed = co_await session.db(std::move(work), schema::Mode::reads);
  if (!changed) co_return changed.error();
  AnnotationNames out;
  for (schema::ChangedAnnotation& one : *changed) {
    if (selected.view.snapshot().index_of(one.uid.value) == Snapshot::npos) continue;  // it is new
    out[one.uid.value].push_back(std::move(one.entry));
  }
  co_return out;
}

boost::asio::awaitable<Result<AnnotationNames>> annotation_news(Session& session, const Snapshot& latest) {
  const Selected& selected = *session.selected;
  const bool newer = latest.mailbox.highestmodseq > selected.annotations_told;
  if (!newer || !wants_annotations(session)) co_return AnnotationNames{};
  auto names = co_await annotations_since(session, selected.annotations_told);
  co_return names;
}

}  // namespace cpm::imap
