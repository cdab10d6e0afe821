#include "imap/session/sort.h"

#include "imap/mime/casemap.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace cpm::imap {
namespace {

struct Mail {
  schema::SortRow row;
  mime::SortKeys keys;
};

SortTable table_of(const std::vector<Mail>& mails, const SortOrder& order, std::size_t page = 1000) {
  SortTable all(order, Collation::unicode_casemap);
  for (std::size_t begin = 0; begin < mails.size(); begin += page) {
    SortTable some(order, Collation::unicode_casemap);
    for (std::size_t i = begin; i < std::min(mails.size(), begin + page); ++i) some.add(mails[i].row, mails[i].keys);
    all.append(some);
  }
  return all;
}

Mail mail(std::uint32_t uid, std::string subject, std::int64_t sent = 0) {
  Mail out;
  out.row.uid = Uid{uid};
  out.row.sent = sent;
  out.keys.subject = std::move(subject);
  return out;
}

using Uids = std::vector<std::uint32_t>;

TEST(SortTable, TextsGoByTheCollation) {
  const SortOrder order = {{SortKey::subject, false}};
  EXPECT_EQ(table_of({mail(1, "b"), mail(2, "A"), mail(3, "B"), mail(4, ""), mail(5, "a\xcc\x80"), mail(6, "\xc3\x80")},
                     order)
                .sorted(),
            (Uids{4, 2, 5, 6, 1, 3}));
}

TEST(SortTable, LongTextsDifferBehindTheirPrefix) {
  const SortOrder order = {{SortKey::subject, false}};
  EXPECT_EQ(table_of({mail(1, "aaaaaaaab"), mail(2, "aaaaaaaa"), mail(3, "aaaaaaa"), mail(4, "aaaaaaaaa"),
                      mail(5, std::string("aaaaaaa\0", 8))},
                     order)
                .sorted(),
            (Uids{3, 5, 2, 4, 1}));
}

TEST(SortTable, ReverseLeavesTiesByNumber) {
  EXPECT_EQ(table_of({mail(1, "a"), mail(2, "b"), mail(3, "a")}, {{SortKey::subject, true}}).sorted(), (Uids{2, 1, 3}));
}

TEST(SortTable, DatesMayLieBefore1970) {
  EXPECT_EQ(table_of({mail(1, "", 5), mail(2, "", -5), mail(3, "", 0)}, {{SortKey::date, false}}).sorted(),
            (Uids{2, 3, 1}));
}

TEST(SortTable, ReadsNoMoreThanItNeeds) {
  const auto columns = [](SortOrder order) {
    return SortTable(std::move(order), Collation::unicode_casemap).columns();
  };
  EXPECT_EQ(columns({{SortKey::size, false}, {SortKey::arrival, true}}), schema::SortColumns::message);
  EXPECT_EQ(columns({{SortKey::size, false}, {SortKey::date, true}}), schema::SortColumns::dates);
  EXPECT_EQ(columns({{SortKey::date, false}, {SortKey::cc, true}}), schema::SortColumns::keys);
}

TEST(SortTable, AgreesWithAStraightforwardSort) {
  std::mt19937 random(5957);
  const auto text = [&] {
    std::string out;
    for (std::size_t n = random() % 12; n > 0; --n) out += "aAbBcC\xc3"[random() % 6];
    return out;
  };
  constexpr SortKey kKeys[] = {SortKey::arrival, SortKey::cc, SortKey::date,         SortKey::from,      SortKey::size,
                               SortKey::subject, SortKey::to, SortKey::display_from, SortKey::display_to};
  for (int round = 0; round < 300; ++round) {
    std::vector<Mail> mails;
    for (std::uint32_t uid = 1; uid <= 60; ++uid) {
      Mail one = mail(uid * 2, text(), static_cast<std::int64_t>(random() % 7) - 3);
      one.row.internal_date = static_cast<std::int64_t>(random() % 5) - 2;
      one.row.size = random() % 4;
      for (std::string* to :
           {&one.keys.from, &one.keys.to, &one.keys.cc, &one.keys.display_from, &one.keys.display_to}) {
        *to = random() % 3 == 0 ? std::string() : text();
      }
      mails.push_back(std::move(one));
    }
    SortOrder order;
    for (std::size_t n = 1 + random() % 3; n > 0; --n) order.push_back({kKeys[random() % 9], random() % 2 == 0});
    const auto less = [&order](const Mail& a, const Mail& b) {
      for (const SortCriterion& one : order) {
        const auto numbers = [&](std::int64_t x, std::int64_t y) { return x < y ? -1 : x > y ? 1 : 0; };
        const auto texts = [&](const std::string& x, const std::string& y) {
          return mime::unicode_casemap(x).compare(mime::unicode_casemap(y));
        };
        int way = 0;
        switch (one.key) {
          case SortKey::arrival: way = numbers(a.row.internal_date, b.row.internal_date); break;
          case SortKey::date: way = numbers(a.row.sent, b.row.sent); break;
          case SortKey::size:
            way = numbers(static_cast<std::int64_t>(a.row.size), static_cast<std::int64_t>(b.row.size));
            break;
          case SortKey::cc: way = texts(a.keys.cc, b.keys.cc); break;
          case SortKey::from: way = texts(a.keys.from, b.keys.from); break;
          case SortKey::subject: way = texts(a.keys.subject, b.keys.subject); break;
          case SortKey::to: way = texts(a.keys.to, b.keys.to); break;
          case SortKey::display_from: way = texts(a.keys.display_from, b.keys.display_from); break;
          case SortKey::display_to: way = texts(a.keys.display_to, b.keys.display_to); break;
          case SortKey::relevancy:
          case SortKey::annotation: break;  // have no key in the header
        }
        if (way != 0) return one.reverse ? way > 0 : way < 0;
      }
      return false;
    };
    const SortTable table = table_of(mails, order, 7);
    std::stable_sort(mails.begin(), mails.end(), less);
    Uids wanted;
    for (const Mail& one : mails) wanted.push_back(one.row.uid.value);
    ASSERT_EQ(table.sorted(), wanted);
    EXPECT_EQ(table.index_of(4), 1U);
    EXPECT_EQ(table.index_of(5), table.size());
  }
}

}  // namespace
}  // namespace cpm::imap
