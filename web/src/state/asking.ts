// A question that must be answered before something is done that cannot be undone.

import { signal } from "@preact/signals";

export interface Question {
  title: string;
  more: string;
  yes: string;
  /** A name to be typed first. */
  typed?: string;
  answer: (yes: boolean) => void;
}

export const question = signal<Question | null>(null);

export function sure(asked: Omit<Question, "answer">): Promise<boolean> {
  return new Promise((resolve) => {
    question.value = {
      ...asked,
      answer: (yes) => {
        question.value = null;
        resolve(yes);
      },
    };
  });
}
