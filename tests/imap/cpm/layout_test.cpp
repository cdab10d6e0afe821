#include "imap/cpm/layout.h"

#include "imap/cpm/parties.h"

#include <gtest/gtest.h>

#include <vector>

namespace cpm::imap::cpm_objects {
namespace {

using Names = std::vector<std::string>;

const Names kRoots = {"Default", "cpmdefault", "Default/archive/old"};

Place place(std::string_view path) { return place_of(path, kRoots); }

TEST(Layout, Mss7KnowsHistoriesByTheirDepth) {
  EXPECT_EQ(place("Default").kind, Place::Kind::root);
  const Place party = place("Default/tel:+33600000002");
  EXPECT_EQ(party.kind, Place::Kind::conversation);
  EXPECT_EQ(party.conversation, "tel:+33600000002");
  EXPECT_EQ(party.session, "");
  const Place session = place("cpmdefault/conv1/sess11");
  EXPECT_EQ(session.kind, Place::Kind::session);
  EXPECT_EQ(session.conversation, "conv1");
  EXPECT_EQ(session.session, "sess11");
  EXPECT_EQ(place("cpmdefault/conv1/sess11/deeper/still").session, "sess11");
}

TEST(Layout, OtherFoldersAreNoPlace) {
  for (const char* path : {"", "INBOX", "default", "default/conv1", "Defaulted", "Defaulted/x", "RCSMessageStore/x"}) {
    EXPECT_EQ(place(path).kind, Place::Kind::none) << path;
    EXPECT_EQ(place(path).conversation, "") << path;
  }
  EXPECT_EQ(place_of("Default/x", {}).kind, Place::Kind::none);
  const Names empty = {""};
  EXPECT_EQ(place_of("Default/x", empty).kind, Place::Kind::none);
}

TEST(Layout, OfRootsWithinEachOtherTheInnermostCounts) {
  EXPECT_EQ(place("Default/archive").kind, Place::Kind::conversation);
  EXPECT_EQ(place("Default/archive/old").kind, Place::Kind::root);
  EXPECT_EQ(place("Default/archive/old/c").kind, Place::Kind::conversation);
  EXPECT_EQ(place("Default/archive/old/c").conversation, "c");
}

std::string canonical(std::string_view text) { return canonical_address(text).value_or("none"); }

TEST(CanonicalAddress, NumbersAreTel) {
  for (const char* text :
       {"tel:+33600000002", "TEL:+33600000002", "<tel:+33600000002>", "+33600000002", "\"Bob\" <tel:+33600000002>",
        "Bob <tel:+33-6-00-00-00-02>", "tel:+33.6(00)000002", "tel:+33 6 00 00 00 02",
        "tel:+33600000002;phone-context=x", "sip:+33600000002@ims.example;user=phone",
        "<sip:+33600000002@ims.example:5060;user=phone>", "SIPS:+33600000002@IMS.example",
        "sip:%2B33600000002@ims.example", "sip:+33600000002", " + 33600000002 ",
        "sip:+33600000002;phone-context=a@ims.example", "\"<x>\" <tel:+33600000002>", "tel:%2B33600000002"})
    EXPECT_EQ(canonical(text), "tel:+33600000002") << text;
  EXPECT_EQ(canonical("tel:36180"), "tel:36180") << "a short code";
  EXPECT_EQ(canonical("tel:*100#"), "tel:*100#");
}

TEST(CanonicalAddress, UsersAreSip) {
  for (const char* text : {"sip:Bob@example.net", "SIP:Bob@EXAMPLE.net", "<sips:Bob@example.net>",
                           "\"Bob\" <sip:Bob@example.net;user=phone>", "sip:Bob@example.net:5061",
                           "sip:Bob@example.net;tag=1", "sip:Bob@example.net?subject=hi", "sip:Bob:secret@example.net",
                           "\"B \\\" <x>\" <sip:Bob@example.net>", "sip: Bob@example.net "})
    EXPECT_EQ(canonical(text), "sip:Bob@example.net") << text;
  EXPECT_EQ(canonical("sip:0612@example.net"), "sip:0612@example.net") << "a local number is not known everywhere";
  EXPECT_EQ(canonical("sip:bob@[2001:DB8::1]:5060"), "sip:bob@[2001:db8::1]");
}

TEST(CanonicalAddress, OtherAddresses) {
  EXPECT_EQ(canonical("Bob@Example.NET"), "Bob@example.net");
  EXPECT_EQ(canonical("Bob <bob@example.net>"), "bob@example.net");
  EXPECT_EQ(canonical("mailto:bob@example.net?subject=x"), "bob@example.net");
  EXPECT_EQ(canonical("im:bob@example.net"), "im:bob@example.net");
  EXPECT_EQ(canonical("<im:bob@Example.net;x=1>"), "im:bob@example.net");
}

TEST(CanonicalAddress, WhatIsNone) {
  for (const char* text : {"",
                           " ",
                           "<>",
                           "<sip:anonymous@anonymous.invalid>",
                           "sip:Anonymous@Anonymous.Invalid",
                           "sip:anonymous@ims.example",
                           "sip:bob@anonymous.invalid",
                           "bob@anonymous.invalid",
                           "Bob",
                           "tel:MyBank",
                           "tel:",
                           "tel:+",
                           "+",
                           "sip:",
                           "sip:bob",
                           "sip:@",
                           "sip:@example.net",
                           "sip:bob@",
                           "bob@",
                           "@example.net",
                           "12345",
                           "conv1",
                           "urn:uuid:1@x",
                           "http://a@b",
                           "a b@c",
                           "bob@exa mple.net",
                           "sip:e@a-id:b:c",
                           "bob@a/b",
                           "sip:bob@[x]",
                           "<",
                           ">",
                           "\"",
                           "+33x",
                           "tel:+3360000000233600000002336000000023360000000299"})
    EXPECT_EQ(canonical(text), "none") << text;
  EXPECT_EQ(canonical("sip:" + std::string(600, 'a') + "@example.net"), "none");
  EXPECT_EQ(canonical(std::string(100000, '<')), "none");
  EXPECT_EQ(canonical("bob\xff@example.net"), "none");
  EXPECT_EQ(canonical(std::string_view("bo\0b@example.net", 16)), "none");
}

TEST(CanonicalAddress, IsItsOwnCanonicalForm) {
  for (const char* text :
       {"tel:+33600000002", "tel:36180", "sip:Bob@example.net", "Bob@example.net", "im:bob@example.net"})
    EXPECT_EQ(canonical(text), text);
}

TEST(ConversationName, Mss20PartyThenIdentifierThenFolder) {
  const Place party{Place::Kind::conversation, "tel:+33600000002", ""};
  const Place group{Place::Kind::session, "gc-51ab", "gc-51ab"};
  EXPECT_EQ(conversation_name(party, "7a1c"), "tel:+33600000002");
  EXPECT_EQ(conversation_name(party, ""), "tel:+33600000002");
  EXPECT_EQ(conversation_name(group, "gc-51ab"), "gc-51ab");
  EXPECT_EQ(conversation_name(group, ""), "gc-51ab");
  EXPECT_EQ(conversation_name({}, "conv1"), "conv1");
  EXPECT_EQ(conversation_name({}, "+33600000002"), "tel:+33600000002");
  EXPECT_EQ(conversation_name({}, ""), "");
}

TEST(Parties, ListsWithCommasAndSemicolons) {
  EXPECT_EQ(read_parties("sip:bob@example.net; sip:carol@example.net"),
            (Names{"sip:bob@example.net", "sip:carol@example.net"}));
  EXPECT_EQ(read_parties("tel:+33600000002;tel:+33600000003"), (Names{"tel:+33600000002", "tel:+33600000003"}));
  EXPECT_EQ(read_parties("\"Bob, the; first\" <sip:b@x;user=phone>;tag=7, <tel:+1>\t,+2"),
            (Names{"sip:b@x", "tel:+1", "tel:+2"}));
  EXPECT_EQ(read_parties("sip:b@x;user=phone;sip:c@y"), (Names{"sip:b@x", "sip:c@y"}));
  EXPECT_EQ(read_parties("sip:b@x (Bob), team: alice@example.net, carol@example.net;"),
            (Names{"sip:b@x", "alice@example.net", "carol@example.net"}));
  EXPECT_EQ(read_parties("nobody, <sip:anonymous@anonymous.invalid>,, ;"), Names{});
  EXPECT_EQ(read_parties(""), Names{});
}

TEST(Parties, HostileListsTakeTheirTimeOnce) {
  EXPECT_TRUE(read_parties(std::string(1 << 20, ',')).empty());
  EXPECT_TRUE(read_parties(std::string(1 << 20, '"')).empty());
  EXPECT_TRUE(read_parties(std::string(1 << 20, '<')).empty());
  EXPECT_TRUE(read_parties(std::string(1 << 20, '(')).empty());
  std::string many;
  for (int i = 0; i < 100000; ++i) many += "+1,";
  EXPECT_LE(read_parties(many).size(), 30000U);
}

}  // namespace
}  // namespace cpm::imap::cpm_objects
